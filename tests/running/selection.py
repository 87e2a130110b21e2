"""Which tests run, and in what order on how many workers.

Tests that need torch are marked `detectors`; whole modules that import it are by themselves. The tests of a module stay
on one of pytest-xdist's workers, so that its fixtures are made once, and what takes long starts first.
"""

import os
import sys
from importlib.machinery import ModuleSpec

import pytest

FRAMEWORKS = ("torch", "mmcv", "mmdet", "mmengine")
MOST_WORKERS = 8  # each has torch and mmdet in memory


class NotInstalled:
    """An import finder for which torch and mmdet are not installed."""

    def find_spec(self, name: str, path=None, target=None) -> ModuleSpec | None:
        if name.partition(".")[0] in FRAMEWORKS:
            raise ModuleNotFoundError(f"No module named {name!r}: tests run --without-torch", name=name)
        return None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--without-torch",
        action="store_true",
        help="run the tests that need neither torch nor mmdet, with both as if not installed",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--without-torch"):
        sys.meta_path.insert(0, NotInstalled())


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The cores that this process may use: not half of them where two share a physical one."""
    return min(len(os.sched_getaffinity(0)), MOST_WORKERS)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if _needs_torch(item):
            item.add_marker("detectors")
        if "project" in item.fixturenames:
            item.add_marker("pipeline")
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=_rank)
    if config.getoption("--without-torch"):
        left = [item for item in items if item.get_closest_marker("detectors")]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def _needs_torch(item: pytest.Item) -> bool:
    return "trained" in item.fixturenames or any(name in vars(item.module) for name in ("torch", "mmdet"))


def _rank(item: pytest.Item) -> tuple[bool, ...]:
    """Smaller is earlier: whole runs of the pipeline, what else needs torch, the rest."""
    pipeline, torch = (item.get_closest_marker(name) is not None for name in ("pipeline", "detectors"))
    return not (pipeline and torch), not torch
