"""A detector's folder: `detector.json` names the backend that reads the other files."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from anchorprune.errors import UserError
from anchorprune.files import read_json, write_json
from anchorprune.provenance import digest, results_in

NAME = "detector.json"
TRAINING = "training.json"  # where a backend notes what decides a training's result; written when it is finished
VERSION = 1
# What a folder without `detector.json` is of, if it has these: versions until 0.2 wrote none.
BEFORE = ("mmdet", ("config.py", "weights.pth"))


@contextmanager
def whole_folder(folder: Path, backend: str, **facts: Any) -> Iterator[None]:
    """While its other files are written: `detector.json` goes first and comes last, so where it is, they are whole.

    Args:
        folder: of the detector.
        backend: name of the backend that reads it.
        **facts: of the backend's own.

    `detector.json` has the SHA-256 of every file: the pipeline sees by it whether a detector is another one.
    """
    with suppress(OSError):  # where nothing can be written, the first file says so
        (folder / NAME).unlink()
    yield
    files = {file.name: digest(file) for file in results_in(folder) if file.name not in (NAME, TRAINING)}
    write_json(folder / NAME, {"version": VERSION, "backend": backend, "files": files, **facts})


def trained_of(folder: Path) -> list[dict[str, Any]] | None:
    """The trainings that led to a folder's weights, in order, as `record_trained` has them; None: not recorded."""
    record = folder / NAME
    return read_json(record, "record of a detector").get("trained") if record.is_file() else None


def record_trained(folder: Path, trained: list[dict[str, Any]] | None) -> None:
    """Write into `detector.json` which trainings led to the folder's weights.

    Args:
        folder: of a whole detector.
        trained: for each training in order `start` (`scratch` or `weights`), `epochs` (passes over the training split)
            and `iterations` (where it stopped after so many), each None where it is not known. Empty for weights from
            elsewhere; None: not known.
    """
    facts = read_json(folder / NAME, "record of a detector")
    if facts.get("trained") != trained:
        write_json(folder / NAME, {**facts, "trained": trained})


def backend_of(folder: Path) -> str:
    """Name of the backend that a folder is of.

    Raises:
        UserError: it is no detector's folder, or one of an unknown version.
    """
    record = folder / NAME
    if not record.is_file():
        if all((folder / name).is_file() for name in BEFORE[1]):
            return BEFORE[0]
        what = "it has no detector.json" if folder.is_dir() else "a file" if folder.exists() else "it is not there"
        remedy = "give one that `train`, `convert`, `slice` or `retrain` wrote, or for mmdet CONFIG and WEIGHTS"
        raise UserError(f"{folder}: not a detector's folder ({what}); {remedy}")
    value = read_json(record, "record of a detector")
    if not isinstance(value, dict) or value.get("version") != VERSION or not isinstance(value.get("backend"), str):
        raise UserError(f"{record}: not a detector's record of version {VERSION}; make the folder again")
    return value["backend"]
