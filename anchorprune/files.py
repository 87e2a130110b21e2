"""Files: outputs are written whole or not at all, locks hold everywhere, names from strangers stay inside a folder."""

import atexit
import errno
import fcntl
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from filelock import BaseFileLock, FileLock, SoftFileLease, Timeout

from anchorprune.errors import UserError

LOG = logging.getLogger(__name__)
FULL = (errno.ENOSPC, errno.EDQUOT)  # the disk, or a user's share of it
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)  # NFS without its lock service, Lustre without flock
_LEASE = 60.0  # seconds without a sign of life after which a holder counts as dead, wherever it ran
_PARTIAL = ".partial-"
_swept: set[Path] = set()  # folders that this process has looked through for what others left


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it onto `path` only if the block succeeds.

    The parent folder is made. On an error the temporary file is removed and an older `path` stays as it was. What a
    process that was killed left in the folder is removed at the next one's first write there.

    Raises:
        UserError: the folder cannot be made or written to, or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        handle, partial = _locked_temporary(path)
    except OSError as error:
        raise _refused(path, error) from None
    try:
        yield partial
        partial.chmod(0o666 & ~_umask())  # mkstemp makes private files; an output is as readable as any other
        partial.replace(path)
    except OSError as error:
        if error.errno in FULL:
            raise _refused(path, error) from None
        raise
    finally:
        partial.unlink(missing_ok=True)
        os.close(handle)


def _locked_temporary(path: Path) -> tuple[int, Path]:
    """A temporary file beside `path`, locked while its descriptor is open: who finds it unlocked may remove it."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{_PARTIAL}{path.stem}-", suffix=path.suffix)
        with suppress(OSError):  # a file system without locks: nobody can lock it, so nobody removes it
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:  # else another process took it for a dead one's before it was locked
            return handle, Path(name)
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove the temporary files of processes that were killed, on whatever machine: the lock died with them."""
    folder = folder.absolute()
    if folder in _swept:
        return
    _swept.add(folder)
    for left in folder.glob(f"{_PARTIAL}*"):
        with suppress(OSError), left.open("r+b") as stream:  # where it is in use, or just finished
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def hold_lock(path: Path, wait: bool = False) -> BaseFileLock:
    """Hold the lock of a file, which is made, until it is released or this process ends, however it ends.

    Where the file system has no locks, a file beside it stands for the lock, which its holder touches every 20 seconds;
    one that is there is watched for a minute, as it may be of a process that was killed.

    Raises:
        Timeout: another process holds it, and it was not to be waited for.
        OSError: the file cannot be made.
    """
    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire(timeout=-1 if wait else 0)
        return lock
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    lease = SoftFileLease(f"{path}.held", lease_duration=_LEASE, thread_local=False)
    try:
        lease.acquire(timeout=0)
    except Timeout:
        LOG.info("%s.held: in use, or left by a process that was killed; a minute shows which", path)
        lease.acquire(timeout=-1 if wait else 1.5 * _LEASE, poll_interval=0.5)
    atexit.register(lease.release, force=True)
    return lease


def _refused(path: Path, error: OSError) -> UserError:
    remedy = "free some of the disk and run this again" if error.errno in FULL else "choose a folder you may write to"
    return UserError(f"{path}: cannot write here ({error.strerror}); {remedy}")


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as JSON (sorted nothing, two-space indent, newline at the end), whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: str | Path, what: str = "file") -> Any:
    """Read a JSON file.

    Raises:
        UserError: the file is missing, unreadable or not JSON; `what` says what it should have been.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path}: no such {what}; check the path") from None
    except OSError as error:
        raise UserError(f"{path}: cannot read this {what} ({error.strerror})") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid JSON ({error}); the {what} is damaged or cut off, restore it") from None


def inside(name: Any, source: str) -> str:
    """Return `name` if it is a relative file name that stays inside its folder (sub-folders are fine).

    A data set is downloaded from strangers: a name such as `../../etc/passwd` must not make us open that file.

    Args:
        name: the file name as read.
        source: where it was read, for the message, e.g. `train.json: image 7`.

    Raises:
        UserError: the name is no text, empty, absolute or climbs out with `..`.
    """
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise UserError(f"{source}: file name {name!r} is not a file name; correct it")
    windows = PureWindowsPath(name)  # understands both / and \ as separators, and drive letters
    if PurePosixPath(name).is_absolute() or windows.drive or windows.root or ".." in windows.parts:
        raise UserError(f"{source}: file name {name!r} leaves the image folder; give it relative to that folder")
    return name


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
