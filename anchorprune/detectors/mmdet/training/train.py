"""Training with mmengine's runner: resumable, deterministic, tensors-only results."""

import copy
import hashlib
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import Timeout
from mmengine.config import Config
from mmengine.dist import is_main_process

from anchorprune.detectors.folder import NAME, TRAINING, whole_folder
from anchorprune.detectors.mmdet.config.compose import OURS, OURS_BEFORE, OWN_KEY, innermost, read_config
from anchorprune.detectors.mmdet.config.pretrained import pretrained
from anchorprune.detectors.mmdet.folder import BACKEND, CONFIG, WEIGHTS, write_folder
from anchorprune.detectors.mmdet.model import build, describe
from anchorprune.detectors.mmdet.training.ranks import run_ranks
from anchorprune.detectors.mmdet.training.recipe import DROPOUT
from anchorprune.detectors.mmdet.training.runner import prepare_start, run
from anchorprune.errors import UserError
from anchorprune.files import FULL, hold_lock, read_json, write_json
from anchorprune.provenance import digest

LOG = logging.getLogger(__name__)


def train(cfg: Config, output: Path, seed: int, threads: int, initial: Path | None = None, processes: int = 1) -> None:
    """Train a complete config and write its folder, with `training.json`, into `output`.

    Checkpoints live in `output/checkpoints` until the training is done: a training that was killed goes on from
    the last one, with the result it would have had. The same seed, threads and processes give the same weights. One
    command trains in a folder at a time; another waits, and trains only if the first did not finish the same training.

    Args:
        cfg: complete config, training data and recipe included; changed in place.
        output: folder of the results.
        seed: of Python, NumPy and torch.
        threads: torch threads of a process; part of the result, since sums of floats depend on their order.
        initial: weights to start from (fine-tuning); None trains from the config's initialisation.
        processes: how many train together, each with its own GPU where there are any.

    Raises:
        UserError: a loss that is no number, weights that do not fit, or a folder that cannot be written to.
    """
    complete = cfg.pretty_text
    identity = _identity(cfg, seed, threads, initial, processes)
    with _sole_trainer(output):
        if _is_finished(output, identity):
            LOG.info("%s: this training is finished already", output)
            _complete(output)
            shutil.rmtree(output / "checkpoints", ignore_errors=True)  # if it was killed just before
            return
        work = output / "checkpoints"
        with _room_for(work):
            _clean_unless(work, identity)
            prepare_start(cfg, work, initial)
        job = (complete, cfg.pretty_text, output, identity)
        if processes > 1:
            run_ranks(_train, job, processes)
        else:
            _train(*job)
        shutil.rmtree(work)


def _train(complete: str, prepared: str, output: Path, identity: dict[str, Any]) -> None:
    """Train in this process, alone or as one of several; the first writes the results."""
    torch.set_num_threads(identity["threads"])
    cfg, work = Config.fromstring(prepared, ".py"), output / "checkpoints"
    with _room_for(work):
        model = run(cfg, work, identity["seed"], identity["processes"])
    if is_main_process():
        with _room_for(output):
            _publish(Config.fromstring(complete, ".py"), model, output, identity)


def _identity(cfg: Config, seed: int, threads: int, initial: Path | None, processes: int) -> dict[str, Any]:
    """What decides a training's result; two with the same identity are the same training."""
    backbone, annotations = pretrained(cfg), Path(innermost(cfg.train_dataloader.dataset).ann_file)
    dropout = cfg.get(OWN_KEY, {}).get(DROPOUT, {})
    front = {"front": _hash(Path(dropout.front))} if dropout.get("front") else {}
    return {
        "version": 2,
        "config": hashlib.sha256(_as_before(cfg).pretty_text.encode()).hexdigest(),
        "annotations": _hash(annotations),
        "images": _hash(annotations.with_suffix(".sha256")),  # beside those of a prepared data set
        "initial": _hash(initial) if initial is not None else None,
        "backbone": _hash(Path(backbone)) if backbone is not None else None,
        "seed": seed,
        "threads": threads,
        "processes": processes,
        **front,
    }


def _as_before(cfg: Config) -> Config:
    """A config that imports our parts by their older name, so that what was trained then is not trained again."""
    cfg = copy.deepcopy(cfg)
    if "custom_imports" in cfg:
        imports = cfg.custom_imports.imports
        cfg.custom_imports.imports = [OURS_BEFORE if name == OURS else name for name in imports]
    return cfg


def _hash(path: Path) -> str | None:
    """SHA-256 of a file; None without the file, which is then missed where it is read."""
    return digest(path) if path.is_file() else None


@contextmanager
def _sole_trainer(output: Path) -> Iterator[None]:
    try:
        output.mkdir(parents=True, exist_ok=True)
        try:
            lock = hold_lock(output / ".training.lock")
        except Timeout:
            LOG.info("%s: another process trains here; waiting for it", output)
            lock = hold_lock(output / ".training.lock", wait=True)
    except OSError as error:
        raise UserError(f"{output}: cannot write here ({error.strerror}); choose a folder you may write to") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _room_for(folder: Path) -> Iterator[None]:
    """Say so where the disk is full; the checkpoints that are there stay."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        remedy = "free some of the disk and run this again: the training goes on from its last checkpoint"
        raise UserError(f"{folder}: cannot write here ({error.strerror}); {remedy}") from None


def _is_finished(output: Path, identity: dict[str, Any]) -> bool:
    """Whether `output` holds the result of this very training."""
    whole = all((output / name).is_file() for name in (CONFIG, WEIGHTS, TRAINING))
    return whole and _is_of(output / TRAINING, identity)


def _is_of(record: Path, identity: dict[str, Any]) -> bool:
    """Whether a record is of this very training; a damaged one is named, and is of none.

    A version 2 from before images were known by their hashes has none of them: it goes for the same images.
    """
    try:
        return record.is_file() and {"images": identity["images"], **read_json(record)} == identity
    except UserError:
        LOG.warning("%s: this record is damaged; what lies beside it is made anew", record)
        return False


def _clean_unless(work: Path, identity: dict[str, Any]) -> None:
    """Drop the checkpoints of any other training."""
    record = work / TRAINING
    if not _is_of(record, identity):
        shutil.rmtree(work, ignore_errors=True)
        write_json(record, identity)


def _publish(cfg: Config, model: torch.nn.Module, output: Path, identity: dict[str, Any]) -> None:
    write_folder(output, cfg, describe(cfg, model), model.state_dict())
    write_json(output / TRAINING, identity)


def _complete(output: Path) -> None:
    """Write what is lacking beside a finished training's config and weights."""
    if not all((output / name).is_file() for name in ("head.json", NAME)):
        cfg = read_config(output / CONFIG)
        with whole_folder(output, BACKEND):
            describe(cfg, build(cfg)).save(output / "head.json")
