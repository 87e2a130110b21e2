"""Whether a data set's files are those it was prepared from, without reading them: their names, sizes and times."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from anchorprune.datasets.kinds import kind_of


def fingerprint(dataset: Mapping[str, Any]) -> str:
    """A digest of the files in a data set's folders of images and boxes; "" where it has none.

    It changes with every file that is added, removed or written, also by its time alone: then the data set is prepared
    again, which reads the images, and what comes out as it was triggers nothing more.

    Args:
        dataset: its entry in the configuration.
    """
    folders = kind_of(dataset).folders(dataset)
    return hashlib.sha256(" ".join(map(_digest, folders)).encode()).hexdigest() if folders else ""


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for line in sorted(_files(str(folder), "")):
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _files(folder: str, below: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError:  # not there, or not yet: the check of sources says so
        return
    for entry in entries:
        name = f"{below}{entry.name}"
        if entry.is_dir():
            yield from _files(entry.path, f"{name}/")
        elif entry.is_file():
            stat = entry.stat()
            yield f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n"
