"""Files of tomorrow: written before the clock was set back.

What is made from them seems older than they are; Snakemake then takes the job for failed and deletes its outputs, each
time anew.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_SLACK = 5.0  # seconds that a file server's clock may be ahead of ours


def settle_times(folder: Path) -> None:
    """Give files below a folder that are of a time to come the present time, all the same; their contents stay."""
    now = time.time()
    for path in _files(folder):
        with suppress(OSError):  # it is gone, or not ours to change
            if path.stat().st_mtime > now + _SLACK:
                os.utime(path, (now, now))


def _files(folder: Path) -> Iterator[Path]:
    for directory, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "images"]  # of a data set: no rule's inputs, and many
        yield from (Path(directory, name) for name in names)
