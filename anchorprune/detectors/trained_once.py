"""A layout is trained once: where budgets come to the same one, the second takes over what the first trained."""

import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from anchorprune.detectors.folder import NAME
from anchorprune.errors import UserError
from anchorprune.files import read_json, write_json

LOG = logging.getLogger(__name__)
OWN = (".log", ".tsv")  # of the job that writes into a folder, not of the detector


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
            _take_over((known / read_json(note)["folder"]).resolve(), output)
        yield
        write_json(note, {"folder": os.path.relpath(output, known)})


@contextmanager
def _alone(note: Path) -> Iterator[None]:
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(note.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            LOG.info("another budget with this very layout is being trained; waiting for it")
            lock.acquire()
    except OSError as error:
        raise UserError(f"{note.parent}: cannot write here ({error.strerror}); choose another folder") from None
    with lock:
        yield


def _take_over(other: Path, output: Path) -> None:
    """Copy a finished detector's files, `detector.json` last."""
    if other == output.resolve() or not (other / NAME).is_file() or (output / NAME).is_file():
        return
    LOG.info("%s has this very layout; taking over what was trained there", other)
    output.mkdir(parents=True, exist_ok=True)
    files = [file for file in other.iterdir() if file.is_file() and file.suffix not in OWN and file.name[0] != "."]
    for file in sorted(files, key=lambda file: file.name == NAME):
        shutil.copyfile(file, output / file.name)
