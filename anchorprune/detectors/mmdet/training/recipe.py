"""Applying a training recipe: what overrides a detector config's own schedule, batch, precision and start."""

import math

from mmengine.config import Config, ConfigDict

from anchorprune.detectors.anchor_dropout import AnchorDropout
from anchorprune.detectors.mmdet.config.compose import OWN_KEY
from anchorprune.detectors.mmdet.config.pretrained import set_backbone_weights
from anchorprune.detectors.training import Recipe, Schedule
from anchorprune.errors import UserError

DROPOUT = "anchor_dropout"  # among our own facts in a config.py


def set_recipe(cfg: Config, recipe: Recipe, devices: int = 1) -> list[str]:
    """Apply a recipe to a config, in place; returns lines for the log.

    Args:
        cfg: complete config.
        recipe: what to override.
        devices: how many train together; the batch of one iteration is theirs together.

    Raises:
        UserError: epochs for a config that counts iterations.
    """
    _set_loaders(cfg, recipe)
    _set_loop(cfg, recipe)
    if recipe.amp is not None:
        _set_precision(cfg.optim_wrapper, recipe.amp)
    if recipe.backbone_weights is not None:
        set_backbone_weights(cfg, recipe.backbone_weights)
    set_anchor_dropout(cfg, recipe.anchor_dropout)
    return [_scale_learning_rate(cfg, recipe, devices)]


def set_anchor_dropout(cfg: Config, dropout: AnchorDropout | None) -> None:
    """Note in the config which anchor dropout it trains with, or that it trains without, whatever was noted before."""
    facts = {key: value for key, value in cfg.get(OWN_KEY, {}).items() if key != DROPOUT}
    if dropout is not None:
        facts[DROPOUT] = dropout.settings()
    if facts or OWN_KEY in cfg:
        cfg[OWN_KEY] = ConfigDict(facts)


def schedule_of(cfg: Config) -> Schedule:
    """How long a config trains, its recipe applied."""
    loop, dataset, times = cfg.train_cfg, cfg.train_dataloader.dataset, 1
    while "dataset" in dataset:
        times, dataset = times * dataset.get("times", 1), dataset.dataset
    epochs = loop.get("max_epochs")
    return Schedule(epochs and epochs * times, loop.get("max_iters"))


def _set_loaders(cfg: Config, recipe: Recipe) -> None:
    if recipe.batch_size is not None:
        cfg.train_dataloader.batch_size = recipe.batch_size
    if recipe.repeats is not None:
        _set_repeats(cfg, recipe.repeats)
    if recipe.workers is not None:
        for loader in (cfg.train_dataloader, cfg.test_dataloader):
            loader.num_workers = recipe.workers
            loader.persistent_workers = recipe.workers > 0


def _set_repeats(cfg: Config, repeats: int) -> None:
    dataset = cfg.train_dataloader.dataset
    if dataset.get("type") == "RepeatDataset":
        dataset.times = repeats
    else:
        cfg.train_dataloader.dataset = ConfigDict(type="RepeatDataset", times=repeats, dataset=dataset)


def _set_loop(cfg: Config, recipe: Recipe) -> None:
    """The config's loop as one of epochs, so that every training resumes alike, and its length."""
    if cfg.train_cfg.get("type") == "IterBasedTrainLoop":
        cfg.train_cfg = ConfigDict(type="CappedTrainLoop", max_iters=cfg.train_cfg.max_iters)
    if recipe.epochs is not None:
        _stretch_schedule(cfg, recipe.epochs)
    if recipe.iterations is not None:
        cfg.train_cfg.type = "CappedTrainLoop"
        cfg.train_cfg.max_iters = recipe.iterations


def _stretch_schedule(cfg: Config, epochs: int) -> None:
    """Set the epochs and move every epoch that the schedule names in proportion; a phase of no epoch is dropped."""
    if "max_epochs" not in cfg.train_cfg:
        raise UserError(
            f"epochs: this detector's config trains for {cfg.train_cfg.max_iters} iterations, not for epochs; "
            "give iterations instead"
        )
    ratio = epochs / cfg.train_cfg.max_epochs
    cfg.train_cfg.max_epochs = epochs
    schedulers = [s for s in cfg.get("param_scheduler", []) if not s.get("by_epoch", True) or _stretch(s, ratio)]
    cfg.param_scheduler = schedulers


def _stretch(scheduler: ConfigDict, ratio: float) -> bool:
    """Stretch one scheduler in place; False if no epoch of it is left."""
    for key in ("begin", "end"):
        if key in scheduler:
            scheduler[key] = round(scheduler[key] * ratio)
    if "T_max" in scheduler:
        scheduler.T_max = max(1, round(scheduler.T_max * ratio))
    if "milestones" in scheduler:
        scheduler.milestones = [max(1, round(milestone * ratio)) for milestone in scheduler.milestones]
    return scheduler.get("end", math.inf) > scheduler.get("begin", 0)


def _set_precision(wrapper: ConfigDict, amp: bool) -> None:
    """Train in mixed precision (float16 with loss scaling, mmengine's choice on a GPU), or in float32."""
    wrapper.type = "AmpOptimWrapper" if amp else "OptimWrapper"
    if not amp:
        for key in ("loss_scale", "dtype", "use_fsdp"):
            wrapper.pop(key, None)


def _scale_learning_rate(cfg: Config, recipe: Recipe, devices: int) -> str:
    """Have mmengine scale the learning rate linearly with the batch (Goyal et al., arXiv 1706.02677).

    The config keeps the rate at the base batch, so a rate that another recipe gives for it means the same.
    """
    optimizer, scale = cfg.optim_wrapper.optimizer, ConfigDict(cfg.get("auto_scale_lr") or {})
    if recipe.learning_rate is not None:
        optimizer.lr = recipe.learning_rate
    if recipe.base_batch_size is not None:
        scale.base_batch_size = recipe.base_batch_size
    base, batch = scale.get("base_batch_size"), cfg.train_dataloader.batch_size * devices
    scale.enable = base is not None
    cfg.auto_scale_lr = scale
    together = f"batch {batch}" + (f" ({cfg.train_dataloader.batch_size} on each of {devices})" if devices > 1 else "")
    if base is None:
        return f"learning rate {optimizer.lr:g} at {together}, not scaled: no base_batch_size says what it is meant for"
    return f"learning rate {optimizer.lr:g} at base batch {base} becomes {optimizer.lr * batch / base:g} at {together}"
