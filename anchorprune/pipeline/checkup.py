"""What this machine has of what anchorprune needs."""

import importlib
import os
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import yaml

from anchorprune.pipeline.gpus import find_gpus
from anchorprune.pipeline.sources import remedy, source_paths


@dataclass(frozen=True)
class Finding:
    """One thing looked for.

    Attributes:
        name: what it is.
        ok: whether it is there.
        text: its version, or the remedy.
        required: whether the pipeline needs it.
    """

    name: str
    ok: bool
    text: str
    required: bool = True


# (distribution, module to import, what it is needed for, the remedy)
_CORE = "pip install ."
_DETECTORS = "run `make setup`"
_PACKAGES = (
    ("numba", "numba", _CORE),
    ("pycocotools", "pycocotools.mask", _CORE),
    ("filelock", "filelock", _CORE),
    ("pyarrow", "pyarrow", _CORE),
    ("matplotlib", "matplotlib", _CORE),
    ("snakemake", "snakemake", "run `make setup`, or pip install snakemake"),
    ("torch", "torch", _DETECTORS),
    ("onedl-mmengine", "mmengine", _DETECTORS),
    ("onedl-mmcv", "mmcv.ops", f"{_DETECTORS}: mmcv is compiled against the installed torch"),
    ("onedl-mmdetection", "mmdet", _DETECTORS),
    ("onnxscript", "onnxscript", _DETECTORS),
    ("onnxruntime", "onnxruntime", _DETECTORS),
)


def checkup(config: Path) -> list[Finding]:
    """Everything worth knowing, in order: packages, GPU, disk, data sets."""
    findings = [_package(*package) for package in _PACKAGES]
    findings += [_gpu(), _disk()]
    findings += list(_datasets(config))
    return findings


def _package(distribution: str, module: str, remedy: str) -> Finding:
    try:
        found = version(distribution)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(module)
    except PackageNotFoundError:
        return Finding(distribution, False, f"not installed; {remedy}")
    except (ImportError, OSError) as error:
        return Finding(distribution, False, f"{found} is installed but does not import ({error}); {remedy}")
    return Finding(distribution, True, found)


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


def _disk() -> Finding:
    free = shutil.disk_usage(".").free / 1e9
    remedy = "" if free > 5 else "; the demo needs about 5 GB, free some"
    return Finding("disk", free > 5, f"{free:.0f} GB free in this folder{remedy}")


def _datasets(config: Path) -> Iterator[Finding]:
    if not config.is_file():
        yield Finding("config", False, f"{config} is not here; run from the project's folder or give --config")
        return
    try:
        datasets = (yaml.safe_load(config.read_text()) or {}).get("datasets", {})
    except (yaml.YAMLError, AttributeError) as error:
        yield Finding("config", False, f"{config} is not readable YAML ({' '.join(str(error).split())})")
        return
    for name, settings in datasets.items():
        sources = source_paths(settings)
        missing = [path for _, path in sources if not Path(path).exists()]
        if missing:
            yield Finding(f"data set {name}", False, f"{missing[0]} is not there; {remedy(settings)}", False)
        else:
            yield Finding(f"data set {name}", True, "in place" if sources else "generated", False)
