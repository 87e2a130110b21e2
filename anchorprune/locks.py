"""Locks on files, also where the file system has none.

The system gives a lock back when its holder dies. Some shared file systems have no locks (NFS without its lock service,
Lustre mounted without flock); there a file beside it stands for the lock, which its holder touches every 20 seconds.
"""

import atexit
import errno
import logging
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLease, Timeout

LOG = logging.getLogger(__name__)
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
_LEASE = 60.0  # seconds without a touch after which a holder counts as dead, wherever it ran


def hold_lock(path: Path, wait: bool = False) -> BaseFileLock:
    """Hold the lock of a file in a folder that is there, until it is released or this process ends.

    Args:
        path: the file; made, and left behind.
        wait: for whoever holds it. Where there are no locks, a holder is watched for a minute all the same: it may be
            one that was killed.

    Raises:
        Timeout: another process holds it, and it was not to be waited for.
        OSError: the file cannot be made.
    """
    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire(timeout=-1 if wait else 0)
        return lock
    except Timeout:
        raise
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return _hold_lease(path, wait)


def _hold_lease(path: Path, wait: bool) -> BaseFileLock:
    """What `hold_lock` does where there are no locks."""
    held = path.with_name(f"{path.name}.held")
    lease = SoftFileLease(held, lease_duration=_LEASE, thread_local=False)
    try:
        lease.acquire(timeout=0)
    except Timeout:
        LOG.info("%s: in use, or left by a process that was killed; a minute shows which", held)
        lease.acquire(timeout=-1 if wait else 1.5 * _LEASE, poll_interval=0.5)
    atexit.register(lease.release, force=True)
    return lease
