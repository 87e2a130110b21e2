"""What mmdet detectors need of a machine: packages, and a GPU where there is one."""

import os
import subprocess
import sys
from collections.abc import Iterator

from anchorprune.errors import UserError
from anchorprune.pipeline.checkup import Finding, is_there, package
from anchorprune.pipeline.gpus import find_gpus

# Tries NMS on the GPU that a command would be lent; prints the GPU's name, and what is wrong if anything is.
_TRIAL = """
from anchorprune.pipeline.gpus import choose_devices
choose_devices()
import torch
from anchorprune.detectors.mmdet.operators import why_not
print(torch.cuda.get_device_name(), why_not(torch.device("cuda")) or "", sep="\\n", end="")
"""
_SECONDS = 120  # that the trial may take: it waits where others have all GPUs

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
    """Each package, the GPU, and whether NMS runs on what commands will use."""
    yield package("torch", "torch", _REMEDY)
    yield package("onedl-mmengine", "mmengine", _REMEDY)
    yield package("onedl-mmcv", "mmcv.ops", f"{_REMEDY}: mmcv is compiled against the installed torch")
    yield package("onedl-mmdetection", "mmdet", _REMEDY)
    yield _gpu()
    yield _nms()


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


def _nms() -> Finding:
    """Two boxes through NMS on the GPU, in a process of its own, or else on the CPU."""
    try:
        import torch
        from mmcv.ops import get_compiling_cuda_version

        from anchorprune.detectors.mmdet.operators import REMEDY, why_not
    except (ImportError, OSError):
        return Finding("NMS", False, f"not tried without torch and mmcv; {_REMEDY}")
    version = torch.__version__
    if torch.version.cuda and get_compiling_cuda_version() == "not available":
        where = "would run on the CPU, also where there is a GPU"
        text = f"{where}: torch {version} has CUDA, mmcv's operators do not; {REMEDY}"
        return Finding("NMS", False, text, required=bool(find_gpus()))
    if not torch.cuda.is_available():
        wrong = why_not(torch.device("cpu"))
        text = f"does not run on the CPU ({wrong}); {_REMEDY}" if wrong else "runs on the CPU"
        return Finding("NMS", wrong is None, text)
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _TRIAL], capture_output=True, text=True, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        return Finding("NMS", False, "not tried: other processes have every GPU", required=False)
    name, _, wrong = done.stdout.partition("\n")
    wrong = wrong if done.returncode == 0 else (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
    text = f"would run on the CPU, not on the GPU ({wrong}); {REMEDY}" if wrong else f"runs on {name} (cuda)"
    return Finding("NMS", not wrong, text)
