"""The files that a detector is made from, looked at without mmdet."""

import importlib.util
from pathlib import Path

from anchorprune.errors import UserError, did_you_mean


def packaged(package: str, name: str) -> Path:
    """Where a package keeps a config of its own; `.mim/configs` is OpenMMLab's place for them.

    Raises:
        UserError: no such package is installed, or it has no such config.
    """
    found = importlib.util.find_spec(package) if package.isidentifier() else None
    if found is None or found.origin is None:
        raise UserError(
            f"{package}::{name}: no package {package!r} is installed; mmdet's own are mmdet::FOLDER/NAME.py"
        )
    folder = Path(found.origin).parent / ".mim/configs"
    if not (folder / name).is_file():
        known = (file.relative_to(folder).as_posix() for file in folder.glob("*/*.py"))
        remedy = did_you_mean(name, known) or f"; its own are below {folder}"
        raise UserError(f"{package}::{name}: {package} has no such config{remedy}")
    return folder / name


def refuse_other_files(path: str | Path) -> None:
    """See that a file begins as torch's do: a zip archive, or a pickle before torch 1.6.

    Raises:
        UserError: it does not.
    """
    with Path(path).open("rb") as stream:
        first = stream.read(2)
    if first != b"PK" and first[:1] != b"\x80":
        raise UserError(f"{path}: is no checkpoint; give a weights file that torch has saved (.pth, .pt)")
