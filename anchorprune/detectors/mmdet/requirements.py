"""What mmdet detectors need of a machine: packages, and a GPU where there is one."""

import importlib.util
import os
from collections.abc import Iterator

from anchorprune.errors import UserError
from anchorprune.pipeline.checkup import Finding, package
from anchorprune.pipeline.gpus import find_gpus

DISTRIBUTIONS = ("torch", "onedl-mmengine", "onedl-mmcv", "onedl-mmdetection")
_MODULES = ("torch", "mmengine", "mmcv", "mmdet")
_REMEDY = "run `make setup`"


def check_installed() -> None:
    """See that the packages are there; none is imported.

    Raises:
        UserError: naming the first that is not.
    """
    for distribution, module in zip(DISTRIBUTIONS, _MODULES, strict=True):
        if not is_there(module):
            raise UserError(f"{distribution} is not installed, and detectors of mmdet need it; {_REMEDY}")


def findings() -> Iterator[Finding]:
    """Each package, and the GPU."""
    yield package("torch", "torch", _REMEDY)
    yield package("onedl-mmengine", "mmengine", _REMEDY)
    yield package("onedl-mmcv", "mmcv.ops", f"{_REMEDY}: mmcv is compiled against the installed torch")
    yield package("onedl-mmdetection", "mmdet", _REMEDY)
    yield _gpu()


def is_there(module: str) -> bool:
    """Whether a module can be imported; it is not."""
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # an import hook may refuse it
        return False


def _gpu() -> Finding:
    listed = find_gpus()
    try:
        import torch
    except ImportError:
        return Finding("GPU", False, "unknown without torch; every command also runs on the CPU", required=False)
    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
        return Finding("GPU", True, names, required=False)
    if listed:
        remedy = "install a torch with CUDA, of a version that the driver knows (https://pytorch.org)"
        return Finding(
            "GPU", False, f"{', '.join(listed)} cannot be used by torch {torch.__version__}; {remedy}", False
        )
    return Finding("GPU", False, f"no CUDA device; {os.cpu_count()} CPU cores are used instead", required=False)
