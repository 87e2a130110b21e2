"""Complete mmdet configs: a detector's config file + anchors + a data set's classes + a training recipe."""

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config, ConfigDict
from torch.nn.modules.utils import _pair

from anchorprune.errors import UserError

# Where our own facts live in a config.py; mmdet ignores keys it does not know.
OWN_KEY = "anchorprune"


@dataclass(frozen=True)
class Recipe:
    """Training choices that override the detector config's own; None leaves its value.

    Attributes:
        epochs: passes over the training split; the schedule is stretched or squeezed with it.
        batch_size: images per iteration on one device; the learning rate follows `auto_scale_lr.base_batch_size`.
        learning_rate: of the optimizer, at the base batch size.
        workers: data-loading processes; 0 loads in the training process.
    """

    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    workers: int | None = None


def read_config(path: str | Path) -> Config:
    """Read an mmdet config of any form (inheritance, custom imports).

    Args:
        path: a file, or `mmdet::FOLDER/NAME.py` for one that mmdet (or another package) brings along.

    Raises:
        UserError: the file is missing or cannot be read as a config.
    """
    package, marker, name = str(path).partition("::")
    if marker:
        path = _packaged(package, name)
    if not Path(path).is_file():
        raise UserError(f"{path}: no such mmdet config; check the path")
    try:
        return Config.fromfile(str(path))
    except Exception as error:  # a config is a program: any error in it is the user's
        raise UserError(f"{path}: not a readable mmdet config ({type(error).__name__}: {error})") from None


def _packaged(package: str, name: str) -> Path:
    """Where a package keeps a config; `.mim/configs` is OpenMMLab's place for them."""
    found = importlib.util.find_spec(package) if package.isidentifier() else None
    if found is None or found.origin is None:
        raise UserError(
            f"{package}::{name}: no package {package!r} is installed; mmdet's own are mmdet::FOLDER/NAME.py"
        )
    return Path(found.origin).parent / ".mim/configs" / name


def set_head_name(cfg: Config, name: str) -> None:
    """Name the head; layouts refer to it."""
    cfg[OWN_KEY] = ConfigDict(cfg.get(OWN_KEY, {}), head=name)


def set_anchors(cfg: Config, strides: Sequence[int], anchors: Sequence[Sequence[Sequence[float]]]) -> None:
    """Give the head an explicit anchor list, (w, h) in input pixels per level; their centres stay where they were.

    Raises:
        UserError: not the detector's strides, or not one list per level.
    """
    old = cfg.model.bbox_head.anchor_generator
    own = [int(_pair(stride)[0]) for stride in old.strides]
    if len(anchors) != len(own) or list(strides) != own:
        raise UserError(
            f"anchor set: strides {list(strides)} with anchors for {len(anchors)} levels, "
            f"but the detector has strides {own}; give one list per level"
        )
    centers = {"centers": old.centers} if "centers" in old else {}
    cfg.model.bbox_head.anchor_generator = ConfigDict(
        type="ExplicitAnchorGenerator",
        strides=list(strides),
        anchors=[[[float(w), float(h)] for w, h in level] for level in anchors],
        **centers,
    )


def set_classes(cfg: Config, names: Sequence[str]) -> None:
    """Fit the head and the data sets to these categories, in the order of their ids."""
    cfg.model.bbox_head.num_classes = len(names)
    cfg[OWN_KEY] = ConfigDict(cfg.get(OWN_KEY, {}), classes=list(names))


def set_training_data(cfg: Config, annotations: str | Path, images: str | Path) -> None:
    """Train on this split."""
    cfg.train_dataloader.dataset = _dataset(cfg, cfg.train_dataloader.dataset, annotations, images, training=True)
    cfg.train_dataloader.sampler = ConfigDict(type="DefaultSampler", shuffle=True)


def set_test_data(cfg: Config, annotations: str | Path, images: str | Path) -> None:
    """Predict on this split."""
    cfg.test_dataloader.dataset = _dataset(cfg, cfg.test_dataloader.dataset, annotations, images, training=False)
    cfg.test_dataloader.sampler = ConfigDict(type="DefaultSampler", shuffle=False)
    cfg.test_dataloader.drop_last = False


def _dataset(cfg: Config, old: ConfigDict, annotations: str | Path, images: str | Path, training: bool) -> ConfigDict:
    pipeline = old.get("pipeline") or old.dataset.pipeline  # RepeatDataset and its like wrap the one with a pipeline
    dataset = ConfigDict(
        type="CocoDataset",
        metainfo=dict(classes=tuple(cfg[OWN_KEY]["classes"])),
        ann_file=str(annotations),
        data_prefix=dict(img=str(images)),
        pipeline=pipeline,
        test_mode=not training,
    )
    if training:
        dataset.filter_cfg = dict(filter_empty_gt=True, min_size=1)
    return dataset


def set_recipe(cfg: Config, recipe: Recipe) -> list[str]:
    """Apply a recipe; returns lines for the log (the learning rate follows the batch size)."""
    if recipe.batch_size is not None:
        cfg.train_dataloader.batch_size = recipe.batch_size
    if recipe.workers is not None:
        for loader in (cfg.train_dataloader, cfg.test_dataloader):
            loader.num_workers = recipe.workers
            loader.persistent_workers = recipe.workers > 0
    if recipe.learning_rate is not None:
        cfg.optim_wrapper.optimizer.lr = recipe.learning_rate
    if recipe.epochs is not None:
        _stretch_schedule(cfg, recipe.epochs)
    return [_scale_learning_rate(cfg)]


def _stretch_schedule(cfg: Config, epochs: int) -> None:
    """Set the epochs and move every epoch that the schedule names in proportion; a phase of no epoch is dropped."""
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


def _scale_learning_rate(cfg: Config) -> str:
    """Scale the learning rate linearly with the batch (Goyal et al., arXiv 1706.02677), once."""
    optimizer = cfg.optim_wrapper.optimizer
    base = cfg.get("auto_scale_lr", {}).get("base_batch_size")
    batch = cfg.train_dataloader.batch_size
    if not base or base == batch:
        return f"learning rate {optimizer.lr:g} at batch {batch}"
    before = optimizer.lr
    optimizer.lr = before * batch / base
    cfg.auto_scale_lr = dict(enable=False, base_batch_size=batch)
    return f"learning rate {before:g} at batch {base} scaled to {optimizer.lr:g} at batch {batch}"
