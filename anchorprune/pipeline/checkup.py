"""What this machine has of what anchorprune needs."""

import importlib.util
import shutil
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from anchorprune.errors import UserError
from anchorprune.pipeline.config_files import read_config_file
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
_DEPLOY = "run `make setup`"
_PACKAGES = (
    ("numba", "numba", _CORE),
    ("pycocotools", "pycocotools.mask", _CORE),
    ("filelock", "filelock", _CORE),
    ("pyarrow", "pyarrow", _CORE),
    ("matplotlib", "matplotlib", _CORE),
    ("snakemake", "snakemake", "run `make setup`, or pip install snakemake"),
    ("onnxscript", "onnxscript", _DEPLOY),
    ("onnxruntime", "onnxruntime", _DEPLOY),
)


def checkup(config: Path, detectors: Iterable[Finding]) -> list[Finding]:
    """Everything worth knowing, in order: packages, what the `detectors`' backends need, disk, data sets."""
    return [*(package(*known) for known in _PACKAGES), *detectors, _disk(), *_datasets(config)]


def is_there(module: str) -> bool:
    """Whether a module can be imported; it is not."""
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # an import hook may refuse it
        return False


def package(distribution: str, module: str, remedy: str) -> Finding:
    """Whether a distribution is installed and its module can be imported; the remedy if not."""
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


def _disk() -> Finding:
    free = shutil.disk_usage(".").free / 1e9
    remedy = "" if free > 5 else "; the demo needs about 5 GB, free some"
    return Finding("disk", free > 5, f"{free:.0f} GB free in this folder{remedy}")


def _datasets(config: Path) -> Iterator[Finding]:
    if not config.is_file():
        yield Finding("config", False, f"{config} is not here; run from the project's folder or give --config")
        return
    try:
        datasets = read_config_file(config).get("datasets", {})
    except UserError as error:
        yield Finding("config", False, str(error))
        return
    for name, settings in datasets.items():
        sources = source_paths(settings)
        missing = [source for source in sources if not Path(source.path).exists()]
        if missing:
            lacking = f"{missing[0].path} is not there; {remedy(settings, missing[0])}"
            yield Finding(f"data set {name}", False, lacking, False)
        else:
            yield Finding(f"data set {name}", True, "in place" if sources else "generated", False)
