"""A layout is trained once: where budgets come to the same one, the second takes over what the first trained."""

import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from anchorprune.detectors.folder import NAME
from anchorprune.errors import UserError
from anchorprune.files import hold_lock, read_json, write_json
from anchorprune.provenance import is_intact, results_in

LOG = logging.getLogger(__name__)


@contextmanager
def trained_once(detector: Path, initial: Path | None, seed: int, output: Path, known: Path) -> Iterator[None]:
    """Hold the training of a layout, with the files in `output` if another folder has been trained with the same.

    The backend still says whether these files are what its training would give; if not, it trains.

    Args:
        detector: folder of the detector that is to be trained.
        initial: weights that it starts from; None: from scratch.
        seed: of the training.
        output: folder of the results.
        known: folder where finished trainings are noted, of detectors that have one unpruned detector.
    """
    try:
        head = (detector / "head.json").read_bytes()
    except OSError as error:
        raise UserError(f"{detector}: not a detector's folder (no head.json: {error.strerror}); slice again") from None
    start = "scratch" if initial is None else "weights"
    note = known / f"{start}-{seed}-{hashlib.sha256(head).hexdigest()[:16]}.json"
    with _alone(note):
        if note.is_file():
            _take_over(_noted(note), output)
        yield
        write_json(note, {"folder": os.path.relpath(output, known)})


@contextmanager
def _alone(note: Path) -> Iterator[None]:
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock = hold_lock(note.with_suffix(".lock"))
        except Timeout:
            LOG.info("another budget with this very layout is being trained; waiting for it")
            lock = hold_lock(note.with_suffix(".lock"), wait=True)
    except OSError as error:
        raise UserError(f"{note.parent}: cannot write here ({error.strerror}); choose another folder") from None
    try:
        yield
    finally:
        lock.release()


def _noted(note: Path) -> Path:
    """The folder that a note names; the note's own, which holds no detector, where it is damaged."""
    try:
        return (note.parent / read_json(note)["folder"]).resolve()
    except (UserError, TypeError, KeyError):
        LOG.warning("%s: damaged; written again", note)
        return note.parent


def _take_over(other: Path, output: Path) -> None:
    """Copy a finished detector's files, `detector.json` last."""
    if other == output.resolve() or not (other / NAME).is_file() or (output / NAME).is_file():
        return
    if not is_intact(other):
        LOG.warning("%s: damaged since it was trained; not taken over", other)
        return
    LOG.info("%s has this very layout; taking over what was trained there", other)
    output.mkdir(parents=True, exist_ok=True)
    for file in sorted(results_in(other), key=lambda file: file.name == NAME):
        shutil.copyfile(file, output / file.name)
