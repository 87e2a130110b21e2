"""By what a result was made: the program's version, the commit of the project it ran in, the libraries."""

import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

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


def git_commit() -> str | None:
    """The commit of the current folder's repository, with `-dirty` when tracked files differ from it."""
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(["git", "diff", "--quiet", "HEAD"], capture_output=True, check=False).returncode
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
