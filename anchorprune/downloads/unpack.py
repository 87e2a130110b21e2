"""Unpacking archives of strangers: no member leaves its folder, no links, no devices."""

import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from stat import S_ISLNK
from typing import IO

from anchorprune.errors import UserError
from anchorprune.files import inside
from anchorprune.progress_bar import progress_bar


@dataclass(frozen=True)
class Member:
    """One file of an archive: its name, its size in bytes, and how to open it."""

    name: str
    size: int
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, folder: Path, strip: str = "") -> None:
    """Unpack a zip or tar file into `folder`.

    Args:
        archive: the file.
        folder: an empty folder.
        strip: first folder of the members' names, left out.

    Raises:
        UserError: the archive is damaged, holds anything but files and folders, a name leaves the folder or is not
            below `strip`, or the disk is too small. Nothing is written before all names are checked.
    """
    with _opened(archive) as members:
        targets = [(member, folder / _target(member.name, strip, archive)) for member in members]
        need_space(folder, sum(member.size for member in members), f"unpacking {archive.name}")
        for member, target in progress_bar(targets, f"unpacking {archive.name}", unit="file"):
            target.parent.mkdir(parents=True, exist_ok=True)
            with member.open() as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)


def need_space(folder: Path, size: int, what: str) -> None:
    """See that the disk has room.

    Raises:
        UserError: it has less than `size` bytes.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise UserError(f"{folder}: {what} needs {size / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; make room")


@contextmanager
def _opened(archive: Path) -> Iterator[list[Member]]:
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as file:
                yield list(_zip_members(file, archive))
        else:
            with tarfile.open(archive) as file:
                yield list(_tar_members(file, archive))
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError) as error:
        raise UserError(f"{archive}: not a whole archive ({error}); remove it and download again") from None


def _zip_members(file: zipfile.ZipFile, archive: Path) -> Iterator[Member]:
    for info in file.infolist():
        if S_ISLNK(info.external_attr >> 16):
            raise UserError(f"{archive}: {info.filename!r} is a link; a data set has none, do not use this archive")
        if not info.is_dir():
            yield Member(info.filename, info.file_size, lambda info=info: file.open(info))


def _tar_members(file: tarfile.TarFile, archive: Path) -> Iterator[Member]:
    for info in file:
        if not (info.isfile() or info.isdir()):
            raise UserError(
                f"{archive}: {info.name!r} is a link or device; a data set has none, do not use this archive"
            )
        if info.isfile():
            yield Member(info.name, info.size, lambda info=info: file.extractfile(info))


def _target(name: str, strip: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(inside(name, str(archive)))
    if not strip:
        return path
    if path.parts[0] != strip or len(path.parts) < 2:
        raise UserError(f"{archive}: {name!r} is not below {strip}/; do not use this archive")
    return PurePosixPath(*path.parts[1:])
