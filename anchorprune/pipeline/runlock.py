"""Before the first job: is there a core, and is the folder free and writable?

One run of the pipeline at a time, by a lock that the system gives back when its holder dies. Snakemake's own lock is a
file that stays behind when Snakemake is killed, and then has to be removed by hand.
"""

import os
from pathlib import Path

from filelock import BaseFileLock, Timeout

from anchorprune.errors import UserError
from anchorprune.files import hold_lock

_held: list[BaseFileLock] = []  # kept referenced until the process ends


def hold_run_lock(folder: Path) -> None:
    """Hold the folder's lock until this process ends.

    Raises:
        UserError: another run holds it, or the folder cannot be written to.
    """
    try:
        folder.mkdir(exist_ok=True)
        _held.append(hold_lock(folder / "anchorprune.lock"))
    except Timeout:
        raise UserError(f"{folder.resolve().parent}: another snakemake is running here; wait for it to end") from None
    except OSError as error:
        raise UserError(f"{folder}: cannot write here ({error.strerror}); run from a folder you may write to") from None


def check_cores(cores: int | None) -> None:
    """See that jobs can run: of fewer cores than one, Snakemake starts them and lets them fail.

    Raises:
        UserError: there is none; None (of a cluster's jobs) is not known here.
    """
    if cores is not None and cores < 1:
        raise UserError(f"--cores {cores}: jobs need a core; give 1 or more, or all")


def check_writable(folder: Path) -> None:
    """See that results can be written: `folder` is a folder one may write to, or can become one.

    Raises:
        UserError: it is a file, or write-protected.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file, but results go into a folder of this name; move the file away")
    if not os.access(folder if folder.exists() else Path.cwd(), os.W_OK):
        raise UserError(f"{folder}: cannot write here (permission denied); run from a folder you may write to")
