"""Training with mmengine's runner: resumable, deterministic, tensors-only results."""

import hashlib
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner

from anchorprune.detectors import model as models
from anchorprune.detectors.weights import load_into, read_weights, save_weights
from anchorprune.errors import UserError
from anchorprune.files import read_json, whole_file, write_json

LOG = logging.getLogger(__name__)


def train(cfg: Config, output: Path, seed: int, threads: int, initial: Path | None = None) -> None:
    """Train a complete config and write `config.py`, `weights.pth`, `head.json` and `training.json` into `output`.

    Checkpoints live in `output/checkpoints` until the training is done: a training that was killed goes on from
    the last one, with the result it would have had. The same seed and threads give the same weights. One process
    trains in a folder at a time; another waits, and trains only if the first did not finish the same training.

    Args:
        cfg: complete config, training data and recipe included; changed in place.
        output: folder of the results.
        seed: of Python, NumPy and torch.
        threads: torch threads; part of the result, since sums of floats depend on their order.
        initial: weights to start from (fine-tuning); None trains from the config's initialisation.

    Raises:
        UserError: a loss that is no number, weights that do not fit, or a folder that cannot be written to.
    """
    torch.set_num_threads(threads)
    complete = Config(cfg.to_dict())
    identity = _identity(complete, seed, threads, initial)
    with _sole_trainer(output):
        if _is_finished(output, identity):
            LOG.info("%s: this training is finished already", output)
            return
        work = output / "checkpoints"
        _clean_unless(work, identity)
        model = _run(cfg, work, seed, initial)
        _publish(complete, model, output, identity)
        shutil.rmtree(work)


def _run(cfg: Config, work: Path, seed: int, initial: Path | None) -> torch.nn.Module:
    _add_runtime(cfg, work, seed)
    cfg.resume = (work / "last_checkpoint").is_file()
    if initial is not None and not cfg.resume:
        load_into(models.build(cfg), read_weights(initial), initial)  # mmengine would pass over what does not fit
        cfg.load_from = str(initial)
    runner = Runner.from_cfg(cfg)
    LOG.info("%s: training %s", work.parent, "resumes from its last checkpoint" if cfg.resume else "starts")
    return runner.train()


def _identity(cfg: Config, seed: int, threads: int, initial: Path | None) -> dict[str, Any]:
    """What decides a training's result; two with the same identity are the same training."""
    return {
        "version": 1,
        "config": hashlib.sha256(cfg.pretty_text.encode()).hexdigest(),
        "annotations": _hash(Path(cfg.train_dataloader.dataset.ann_file)),
        "initial": _hash(initial) if initial is not None else None,
        "seed": seed,
        "threads": threads,
    }


def _hash(path: Path) -> str | None:
    """SHA-256 of a file; None without the file, which is then missed where it is read."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


@contextmanager
def _sole_trainer(output: Path) -> Iterator[None]:
    try:
        output.mkdir(parents=True, exist_ok=True)
        lock = FileLock(output / ".training.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            LOG.info("%s: another process trains here; waiting for it", output)
            lock.acquire()
    except OSError as error:
        raise UserError(f"{output}: cannot write here ({error.strerror}); choose a folder you may write to") from None
    with lock:
        yield


def _is_finished(output: Path, identity: dict[str, Any]) -> bool:
    """Whether `output` holds the whole result of this very training."""
    record = output / "training.json"
    whole = all((output / name).is_file() for name in ("config.py", "weights.pth", "head.json", record.name))
    return whole and read_json(record) == identity


def _clean_unless(work: Path, identity: dict[str, Any]) -> None:
    """Drop the checkpoints of any other training."""
    record = work / "training.json"
    if not (record.is_file() and read_json(record) == identity):
        shutil.rmtree(work, ignore_errors=True)
        write_json(record, identity)


def _add_runtime(cfg: Config, work: Path, seed: int) -> None:
    """The parts of a runner that are the same for every detector."""
    cfg.work_dir = str(work)
    cfg.randomness = dict(seed=seed, deterministic=True)
    cfg.val_cfg = cfg.test_cfg = cfg.val_dataloader = cfg.val_evaluator = cfg.test_evaluator = None
    cfg.pop("test_dataloader")  # a runner wants all of a test or nothing of it
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


def _publish(cfg: Config, model: torch.nn.Module, output: Path, identity: dict[str, Any]) -> None:
    with whole_file(output / "config.py") as partial:
        partial.write_text(cfg.pretty_text)
    models.describe(cfg, model).save(output / "head.json")
    save_weights(output / "weights.pth", model.state_dict())
    write_json(output / "training.json", identity)
