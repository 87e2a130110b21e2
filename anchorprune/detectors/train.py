"""Training with mmengine's runner: resumable, deterministic, tensors-only results."""

import logging
import shutil
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner

from anchorprune.detectors import model as models
from anchorprune.detectors.weights import load_into, read_weights, save_weights
from anchorprune.errors import UserError
from anchorprune.files import whole_file

LOG = logging.getLogger(__name__)


def train(cfg: Config, output: Path, seed: int, threads: int, initial: Path | None = None) -> None:
    """Train a complete config and write `config.py`, `weights.pth` and `head.json` into `output`.

    Checkpoints live in `output/checkpoints` until the training is done: a training that was killed goes on from
    the last one, with the result it would have had. The same seed and threads give the same weights.

    Args:
        cfg: complete config, training data and recipe included; changed in place.
        output: folder of the results.
        seed: of Python, NumPy and torch.
        threads: torch threads; part of the result, since sums of floats depend on their order.
        initial: weights to start from (fine-tuning); None trains from the config's initialisation.

    Raises:
        UserError: a loss that is no number, or weights that do not fit.
    """
    torch.set_num_threads(threads)
    work = output / "checkpoints"
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{output}: cannot write here ({error.strerror}); choose a folder you may write to") from None
    complete = cfg.to_dict()
    _add_runtime(cfg, work, seed)
    resumed = _prepare_resume(cfg, work, initial)
    runner = Runner.from_cfg(cfg)
    LOG.info("%s: %s", output, "resumed from the last checkpoint" if resumed else "training starts")
    if initial is not None and not resumed:
        load_into(runner.model, read_weights(initial), initial)
    model = runner.train()
    _publish(Config(complete), model, output)
    shutil.rmtree(work)


def _add_runtime(cfg: Config, work: Path, seed: int) -> None:
    """The parts of a runner that are the same for every detector."""
    cfg.work_dir = str(work)
    cfg.randomness = dict(seed=seed, deterministic=True)
    cfg.val_cfg = cfg.test_cfg = cfg.val_dataloader = cfg.val_evaluator = cfg.test_evaluator = None
    test_dataloader = cfg.pop("test_dataloader")  # a runner wants all of a test or nothing of it
    del test_dataloader
    cfg.default_hooks = ConfigDict(
        timer=dict(type="IterTimerHook"),
        logger=dict(type="LoggerHook", interval=20),
        param_scheduler=dict(type="ParamSchedulerHook"),
        checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=1),
        sampler_seed=dict(type="DistSamplerSeedHook"),
    )
    hooks = [hook for hook in cfg.get("custom_hooks", []) if hook["type"] != "CheckInvalidLossHook"]
    cfg.custom_hooks = [*hooks, *(dict(type=t) for t in ("SeedEpochHook", "FiniteLossHook", "ProgressHook"))]
    cfg.visualizer = dict(type="Visualizer", vis_backends=[])


def _prepare_resume(cfg: Config, work: Path, initial: Path | None) -> bool:
    """Resume if `work` holds a checkpoint of a training of this same config; else start clean."""
    fingerprint = cfg.pretty_text + f"\ninitial = {str(initial)!r}\n"
    record = work / "training.py"
    same = record.is_file() and record.read_text() == fingerprint
    if not same:
        for old in work.glob("*.pth"):
            old.unlink()
        (work / "last_checkpoint").unlink(missing_ok=True)
        with whole_file(record) as partial:
            partial.write_text(fingerprint)
    cfg.resume = same and (work / "last_checkpoint").is_file()
    return cfg.resume


def _publish(cfg: Config, model: torch.nn.Module, output: Path) -> None:
    with whole_file(output / "config.py") as partial:
        partial.write_text(cfg.pretty_text)
    models.describe(cfg, model).save(output / "head.json")
    save_weights(output / "weights.pth", model.state_dict())
