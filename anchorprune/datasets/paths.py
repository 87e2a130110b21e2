"""File names that come from a data set's own files: they stay inside its folder."""

from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from anchorprune.errors import UserError


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
