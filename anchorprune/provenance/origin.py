"""By what a result was made: the program's version, the commit of the project it ran in, the libraries."""

import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import anchorprune
from anchorprune import __version__

# What decides numbers: module -> the distributions it may come from.
LIBRARIES = {
    "torch": ("torch",),
    "mmdet": ("onedl-mmdetection", "mmdet"),
    "mmcv": ("onedl-mmcv", "mmcv"),
    "mmengine": ("onedl-mmengine", "mmengine"),
    "numpy": ("numpy",),
    "numba": ("numba",),
    "pycocotools": ("pycocotools",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
}


def provenance(**facts: Any) -> dict[str, Any]:
    """`facts` with the program's version and the current folder's git commit (None outside a repository)."""
    return {"anchorprune": __version__, "commit": git_commit(), **facts}


def git_commit(folder: Path | None = None) -> str | None:
    """The commit of a folder's repository (the current one's), with `-dirty` when tracked files differ from it."""
    at = {"cwd": folder, "capture_output": True, "text": True}
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], check=True, **at).stdout.strip()
        changed = subprocess.run(["git", "diff", "--quiet", "HEAD"], check=False, **at).returncode
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("-dirty" if changed else "")


def used_libraries() -> dict[str, str]:
    """The versions of the libraries that this process has imported."""
    return installed(name for name in LIBRARIES if name in sys.modules)


def installed(names: Iterable[str]) -> dict[str, str]:
    """The versions of libraries, by module, without importing them; those that are not installed are left out."""
    found = {}
    for name in names:
        for distribution in LIBRARIES.get(name, (name,)):
            try:
                found[name] = version(distribution)
                break
            except PackageNotFoundError:
                continue
    return found


def program_commit() -> str | None:
    """The commit that this program is: of the repository it lies in, or that it was built from; None if unknown."""
    package = Path(anchorprune.__file__).parent
    if (package.parent / ".git").exists():
        return git_commit(package.parent)
    built_from = package / "commit.txt"  # see setup.py
    return built_from.read_text().strip() if built_from.is_file() else None
