"""Checkpoint files: written whole, two kept, and checked before a training goes on from one.

A file's name ends with the start of its content's SHA-256, so what is damaged, cut off or half-written shows. (torch
itself does not see a changed number.)
"""

import hashlib
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmengine.runner.checkpoint import get_torch_safe_globals
from torch import serialization

LOG = logging.getLogger(__name__)

_NAME = re.compile(r"iter_(\d{9})-([0-9a-f]{16})\.pth")
_PARTIAL = "partial.pth"  # one name, so that a killed writer's is removed or overwritten
_KEPT = 2


@contextmanager
def whole_checkpoint(folder: Path, iteration: int) -> Iterator[Path]:
    """Yield a path to write a checkpoint to; what is on the disk as a whole gets its name, and then an old one goes.

    Args:
        folder: of the checkpoints.
        iteration: iterations that were trained.
    """
    partial = folder / _PARTIAL
    try:
        yield partial
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
            digest = _digest(stream)
        partial.replace(folder / f"iter_{iteration:09d}-{digest}.pth")
        _sync(folder)
    finally:
        partial.unlink(missing_ok=True)
    for old in _found(folder)[:-_KEPT]:
        old.unlink()


def newest_whole(folder: Path) -> Path | None:
    """The newest checkpoint that is as it was written; None without one. What is not is named and removed."""
    (folder / _PARTIAL).unlink(missing_ok=True)
    for path in reversed(_found(folder)):
        if _is_whole(path):
            return path
        LOG.warning("%s: this checkpoint is damaged; it is removed, and an older one is looked for", path)
        with suppress(OSError):
            path.unlink()
    return None


def _found(folder: Path) -> list[Path]:
    """By iteration, the oldest first."""
    return sorted(path for path in folder.glob("iter_*.pth") if _NAME.fullmatch(path.name))


def _is_whole(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return _digest(stream) == _NAME.fullmatch(path.name)[2] and _is_data(path)
    except OSError:
        return False


def _is_data(path: Path) -> bool:
    """Whether a file holds only what mmengine's checkpoints do; it would unpickle others, which can run code."""
    with serialization.safe_globals(get_torch_safe_globals()):
        return not serialization.get_unsafe_globals_in_checkpoint(path)


def _digest(stream) -> str:
    return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def _sync(folder: Path) -> None:
    """Have the disk know a folder's names, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
