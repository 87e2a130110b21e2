"""The log that lets a search go on after it was killed: subset and AP, one a line, appended as they are found.

A search is deterministic, so going on means running it again with these APs at hand. The first line names the inputs;
a journal of other inputs is thrown away. A line cut off by the kill is dropped.
"""

import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

from anchorprune import __version__
from anchorprune.errors import UserError
from anchorprune.heads.layout import Subset

NAME = "journal.txt"
SYNC_SECONDS = 1.0


def fingerprint(files: Iterable[Path]) -> str:
    """A name for the contents of the input files and for the version of this program."""
    digest = hashlib.sha256(__version__.encode())
    for path in files:
        try:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise UserError(f"{path}: cannot read ({error.strerror}); check the path") from None
    return digest.hexdigest()


class Journal:
    """The journal of a search in `folder`, or of one of its folds.

    Attributes:
        aps: the AP of every subset in the journal.
    """

    def __init__(self, folder: Path, inputs: str, name: str = NAME):
        self._path = folder / name
        self.aps: dict[Subset, float] = {}
        self._synced = time.monotonic()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            length = self._read(inputs)
            self._file = self._path.open("r+b" if length else "wb")
            self._file.truncate(length)
            self._file.seek(length)
            if not length:
                self._write(f"anchorprune search journal of {inputs}\n")
        except OSError as error:
            raise UserError(f"{folder}: cannot write here ({error.strerror}); choose another --output") from None

    def add(self, found: dict[Subset, float]) -> None:
        """Append subsets: from here they survive the death of this process, and within a second that of the machine."""
        self.aps.update(found)
        self._write("".join(f"{' '.join(map(str, subset))}\t{ap!r}\n" for subset, ap in found.items()))

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *error: object) -> None:
        """Let go of the file, leaving it for the next run."""
        self._file.close()

    def remove(self) -> None:
        """The search is complete, with all its folds."""
        self._file.close()
        for path in self._path.parent.glob(f"{Path(NAME).stem}*.txt"):
            path.unlink()

    def _write(self, text: str) -> None:
        self._file.write(text.encode())
        self._file.flush()
        if time.monotonic() - self._synced > SYNC_SECONDS:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    def _read(self, inputs: str) -> int:
        """Fill `aps`; returns the length of the whole lines, 0 when there is nothing to go on from."""
        if not self._path.exists():
            return 0
        lines = self._path.read_bytes().splitlines(keepends=True)
        if not lines or lines[0] != f"anchorprune search journal of {inputs}\n".encode():
            return 0
        length = len(lines[0])
        for line in lines[1:]:
            try:
                if not line.endswith(b"\n"):
                    break
                kept, ap = line.decode().split("\t")
                self.aps[tuple(int(i) for i in kept.split())] = float(ap)
            except ValueError:
                break
            length += len(line)
        return length


def fold_journal(folder: Path, inputs: str, which: str, fold: int) -> Journal:
    """The journal of the search without one fold; `which` says how the images were divided."""
    return Journal(folder, f"{inputs} without {which}", f"{Path(NAME).stem}-{fold + 1}.txt")
