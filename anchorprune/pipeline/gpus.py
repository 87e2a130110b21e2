"""The GPUs of this machine, each lent to one process at a time.

A lock file per GPU, held as long as the process lives: the system gives it back however the process ends. Snakemake
counts GPUs but does not say which job gets which; this does. No torch here: what is lent is named in
CUDA_VISIBLE_DEVICES, which torch reads once, when it first looks for GPUs.
"""

import logging
import os
import re
import stat
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from anchorprune.errors import UserError

LOG = logging.getLogger(__name__)
VISIBLE = "CUDA_VISIBLE_DEVICES"
# Seconds between two looks for a GPU that has become free.
_PATIENCE = 1.0
# Where Slurm, PBS and LSF name a job. Its GPUs are its own, often numbered from 0 in each job of a machine.
_JOB_IDS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID")

_held: list[FileLock] = []  # kept referenced until the process ends
_lent: list[str | None] = []  # CUDA_VISIBLE_DEVICES of what was lent to the detectors of this process


def find_gpus() -> tuple[str, ...]:
    """Names of the GPUs this process may use, as CUDA_VISIBLE_DEVICES takes them: its own entries where it is set
    (a cluster's choice), else the UUIDs that nvidia-smi lists; none without a driver.
    """
    visible = os.environ.get(VISIBLE)
    if visible is not None:
        names = [name.strip() for name in visible.split(",")]
        return tuple(name for name in names if name and name != "-1")
    try:
        listed = subprocess.run(
            ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in listed.splitlines() if line.strip().startswith("GPU-"))


def choose_devices(gpus: int | None = None, processes: int | None = None) -> None:
    """Take the devices of a command and make them all that torch will see; call it before torch looks.

    Args:
        gpus: how many; None takes one if there is one, else the CPU.
        processes: of a training on the CPU, which is then to see no GPU.

    Raises:
        UserError: more GPUs than there are, or GPUs and processes of the CPU at once.
    """
    if gpus is not None and processes is not None:
        raise UserError("--gpus and --processes exclude each other: the first trains on GPUs, the second on the CPU")
    found = find_gpus() if processes is None else ()
    if gpus is not None and gpus > len(found):
        limit = f" ({VISIBLE} is {os.environ[VISIBLE]!r})" if VISIBLE in os.environ else ""
        raise UserError(
            f"--gpus {gpus}: there are {len(found)} GPUs here{limit}; ask for no more, "
            "or train on the CPU with --processes"
        )
    if found or processes is not None:
        os.environ[VISIBLE] = ",".join(hold_gpus(found, gpus or 1) if found else ())


def lend(device: str) -> None:
    """Take what a detector is to run on, `auto`, `cuda` or `cpu`; a second one runs where the first does.

    Call it before torch looks. Errors as `choose_devices`.
    """
    if device == "cpu":
        choose_devices(processes=1)
    elif VISIBLE not in os.environ or _lent != [os.environ[VISIBLE]]:
        # Where no driver lists GPUs, torch may know better.
        choose_devices(gpus=1 if device == "cuda" and find_gpus() else None)
        _lent[:] = [os.environ.get(VISIBLE)]


def hold_gpus(names: Sequence[str], count: int, folder: Path | None = None) -> tuple[str, ...]:
    """Hold `count` of the GPUs until this process ends, waiting for them if they are taken.

    Args:
        names: the GPUs to choose from; at least `count`.
        count: how many to hold.
        folder: of the lock files; None: this user's and machine's.
    """
    folder = folder or _lock_folder()
    waiting = False
    while True:
        with FileLock(folder / "choosing.lock"):  # so that two that each need several do not take one each
            locks = _free(names, count, folder)
        if locks:
            _held.extend(locks.values())
            LOG.info("GPUs: %s", ", ".join(locks))
            return tuple(locks)
        if not waiting:
            LOG.info("GPUs: %d wanted, but other processes have them; waiting", count)
            waiting = True
        time.sleep(_PATIENCE)


def _lock_folder() -> Path:
    """A folder on this machine, of this user alone and, within a cluster's job, of this job.

    Jobs have theirs among the temporary files: they are told of the runtime folder of the node that they were submitted
    from, and their own node's goes when its user logs out there.
    """
    job = next((os.environ[name] for name in _JOB_IDS if name in os.environ), "")
    user = os.geteuid()
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{user}", "anchorprune")
    temporary = Path(tempfile.gettempdir(), f"anchorprune-{user}")
    for place in [temporary] if job else [runtime, temporary]:
        with suppress(OSError):
            place.mkdir(mode=0o700, exist_ok=True)
            if _is_private(place, user):
                folder = place / f"gpus{_as_file_name(job)}"
                folder.mkdir(exist_ok=True)
                return folder
    raise UserError(f"{temporary}: cannot keep locks here (no folder of this user alone); set TMPDIR to another folder")


def _is_private(folder: Path, user: int) -> bool:
    """Whether a folder is the user's own and nobody else writes there; a link might lead anywhere."""
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == user and not status.st_mode & 0o022


def _as_file_name(name: str) -> str:
    return re.sub("[^A-Za-z0-9.-]", "_", name)


def _free(names: Sequence[str], count: int, folder: Path) -> dict[str, FileLock]:
    """The first `count` GPUs that are free, with their locks held; nothing if there are not as many."""
    locks: dict[str, FileLock] = {}
    for name in names:
        lock = FileLock(folder / f"{_as_file_name(name)}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        locks[name] = lock
        if len(locks) == count:
            return locks
    for lock in locks.values():
        lock.release()
    return {}
