"""The record of a command's run, beside what it wrote: `NAME.record.json`.

A folder's record is named after the command (`train.record.json`), a single file's after the file
(`layout-0.5.record.json`). It names files below the working folder relative to that folder, so that it is the same on
every machine, and others by their full path.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anchorprune.errors import UserError
from anchorprune.files import read_json, write_json

VERSION = 1
SUFFIX = ".record.json"
_NO_RESULT = (".log", ".tsv", ".lock")  # of the job that writes into a folder


@dataclass(frozen=True)
class Record:
    """What a command made, and of what.

    Attributes:
        command: its words, such as `dataset coco`.
        arguments: its parameters by name, but for `threads`; paths as the record names files.
        folder: where the record lies.
        inputs: file -> SHA-256 of what the command read; of a folder of results its files.
        outputs: name of a file in `folder` -> SHA-256 of what the command wrote.
        anchorprune: version of the program.
        commit: of the project, see `origin.git_commit`.
        libraries: name -> version of what decides numbers, where the command used it.
    """

    command: str
    arguments: Mapping[str, Any]
    folder: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    anchorprune: str
    commit: str | None
    libraries: Mapping[str, str]

    def save(self, path: Path) -> None:
        """Write the file."""
        write_json(path, {"version": VERSION, **asdict(self)})

    @classmethod
    def load(cls, path: Path) -> "Record":
        """Read the file.

        Raises:
            UserError: it is damaged, or of another version.
        """
        value = read_json(path, "record of a result")
        try:
            if value.pop("version") == VERSION and all(Path(name).name == name for name in value["outputs"]):
                record = cls(**value)
                if all(isinstance(part, Mapping) for part in (record.inputs, record.outputs, record.libraries)):
                    return record
        except (AttributeError, KeyError, TypeError):
            pass
        raise UserError(f"{path}: not a record of version {VERSION}; delete it, and its results to have them remade")


def record_file(command: str, output: Path, single: bool) -> Path:
    """Where the record of an output lies: a folder, or a `single` file."""
    return output.with_suffix(SUFFIX) if single else output / f"{command.replace(' ', '-')}{SUFFIX}"


def records_in(folder: Path) -> dict[Path, Record]:
    """The readable records that lie in a folder, by their files."""
    found = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            found[path] = Record.load(path)
        except UserError:  # `verify` names it
            continue
    return found


def is_intact(folder: Path) -> bool:
    """Whether every file that the records in a folder list is there as it was written."""
    listed = [
        (folder / name, hash_) for record in records_in(folder).values() for name, hash_ in record.outputs.items()
    ]
    return all(file.is_file() and digest(file) == hash_ for file, hash_ in listed)


def results_in(folder: Path) -> list[Path]:
    """The files that lie in a folder and may be results: no logs, benchmarks, locks, temporary files or records."""
    files = (Path(entry) for entry in os.scandir(folder) if entry.is_file())
    return sorted(
        file
        for file in files
        if file.suffix not in _NO_RESULT and file.name[0] != "." and not file.name.endswith(SUFFIX)
    )


def digest(path: Path) -> str:
    """SHA-256 of a file, read a part at a time."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def shown(path: str | Path) -> str:
    """How a record names a file: relative to the working folder where it lies below it."""
    absolute = os.path.normpath(Path(path).absolute())
    below = os.path.relpath(absolute)
    return absolute if below.partition(os.sep)[0] == os.pardir else Path(below).as_posix()
