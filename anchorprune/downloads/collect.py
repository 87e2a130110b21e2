"""A whole collection: fetch what is missing, unpack it, put it in place, clear up."""

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from filelock import Timeout

from anchorprune.downloads.fetch import fetch, session
from anchorprune.downloads.table import Archive
from anchorprune.downloads.unpack import need_space, unpack
from anchorprune.errors import UserError
from anchorprune.files import hold_lock

LOG = logging.getLogger(__name__)
_WORK = ".downloading"  # below the root; what it holds is gone on from


def download(
    archives: Sequence[Archive], root: Path, mirror: str | None = None, line: requests.Session | None = None
) -> dict[str, Any]:
    """Bring a collection below `root`.

    What is there already stays as it is and is not fetched. The rest comes into place when all of it is unpacked, the
    witnesses last; a run that was stopped goes on where it was. One process downloads to a root at a time.

    Args:
        archives: the collection.
        root: the folder, made if it is missing.
        mirror: URL to fetch from instead of the publishers' servers.
        line: HTTP session.

    Returns:
        `root`, and the names of the archives that were `downloaded` and of those that were `present`.

    Raises:
        UserError: not enough space, a server or file that is not what it should be, or a folder that cannot be written.
    """
    missing = [archive for archive in archives if not archive.is_there(root)]
    if missing:
        with _sole_user(root) as work:
            # Twice: archives of photos are hardly smaller than their content, and both are there at once.
            need_space(work, sum(2 * a.size - _used(a, work) for a in missing), "downloading and unpacking")
            folders = [_unpacked(archive, work, mirror, line or session()) for archive in missing]
            for archive, folder in zip(missing, folders, strict=True):
                _merge(folder, root, {folder / witness for witness in archive.witnesses})
        shutil.rmtree(work)
    return {
        "root": str(root),
        "downloaded": [archive.name for archive in archives if archive in missing],
        "present": [archive.name for archive in archives if archive not in missing],
    }


def _unpacked(archive: Archive, work: Path, mirror: str | None, line: requests.Session) -> Path:
    """Fetch and unpack one archive and remove it; returns the folder of its content."""
    done, partial = work / f"{archive.name}.unpacked", work / f"{archive.name}.unpacking"
    if done.exists():
        return done
    url = archive.url(mirror)
    LOG.info("%s: %.2f GB from %s", archive.name, archive.size / 1e9, url)
    path = fetch(archive, url, work, line)
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir()
    unpack(path, partial, archive.strip)
    lacking = [witness for witness in archive.witnesses if not (partial / witness).exists()]
    if lacking:
        raise UserError(f"{path}: holds no {lacking[0]}, which {archive.name} has; remove it and try another --mirror")
    partial.rename(done)
    path.unlink()
    return done


def _merge(source: Path, target: Path, last: set[Path]) -> None:
    """Move a folder's content into another, the paths in `last` after the rest: they say that all of it is there."""
    for item in sorted(source.iterdir(), key=lambda path: (any(path in (w, *w.parents) for w in last), path)):
        place = target / item.name
        if item.is_dir() and place.is_dir():
            _merge(item, place, last)
        else:
            item.replace(place)


def _used(archive: Archive, work: Path) -> int:
    """Bytes of an archive and its content that are on the disk already, as `download` counts them."""
    if (work / f"{archive.name}.unpacked").exists():
        return 2 * archive.size
    found = [path for path in (work / archive.name, work / f"{archive.name}.part") if path.exists()]
    return sum(path.stat().st_size for path in found)


@contextmanager
def _sole_user(root: Path) -> Iterator[Path]:
    """The work folder, locked; what goes wrong with the disk or an address inside ends in one line."""
    work = root / _WORK
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = hold_lock(work / "lock")
        try:
            yield work
        finally:
            lock.release()
    except Timeout:
        raise UserError(f"{root}: another process downloads to this folder; wait for it to end") from None
    except requests.RequestException as error:
        raise UserError(f"{error}; check --mirror") from None
    except OSError as error:
        raise UserError(f"{root}: cannot write here ({error.strerror}); make room, or choose another folder") from None
