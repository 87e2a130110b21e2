"""Which tests run, and in what order on how many workers.

Tests that need torch are marked `detectors`; whole modules that import it are by themselves. pytest-xdist runs a file's
tests on one worker (`--dist loadfile`), so that its fixtures are made once, and what takes long starts first. (Not
`loadgroup`: with pytest 9.2 it groups nothing, see https://github.com/pytest-dev/pytest-xdist/issues/1386.)
"""

import os
import sys
from importlib.machinery import ModuleSpec

import pytest

FRAMEWORKS = ("torch", "mmcv", "mmdet", "mmengine")
# Files of more than half a minute, about the longest first: the last to end should be a short one.
LONGEST = (
    *("test_families_ap", "test_own_detector", "test_mmdet", "test_training", "test_linear", "test_processes"),
    *("test_detectors", "test_sweep", "test_refused", "test_workflow", "test_data"),
)
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
    parser.addoption("--device", choices=["cuda", "cpu"], default="cuda", help="what tests marked `gpu` run on")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--without-torch"):
        sys.meta_path.insert(0, NotInstalled())


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The cores that this process may use: not half of them where two share a physical one."""
    return min(len(os.sched_getaffinity(0)), MOST_WORKERS)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if _needs_torch(item):
            item.add_marker("detectors")
        if "project" in item.fixturenames:
            item.add_marker("pipeline")
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=_rank)
    if config.getoption("--without-torch"):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("detectors")])
        items[:] = [item for item in items if not item.get_closest_marker("detectors")]


def _needs_torch(item: pytest.Item) -> bool:
    return "trained" in item.fixturenames or any(name in vars(item.module) for name in ("torch", "mmdet"))


def _rank(item: pytest.Item) -> tuple[int, bool]:
    """Smaller is earlier: the longest files, what else needs torch, the rest."""
    place = LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST)
    return place, not item.get_closest_marker("detectors")
