"""Fixtures shared by the tests: the command line, heads with known costs, a small trained detector made once a run."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

# Before anything imports NumPy or torch: the tests themselves run side by side, and sums keep their order.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
# What a script starts with `&` ignores Ctrl-C, and would hand that on to what is started and interrupted here.
signal.signal(signal.SIGINT, signal.default_int_handler)

import backends  # noqa: F401 (puts the tests' own backend where Python finds it)
import pytest
from filelock import FileLock
from running import command, selection
from running.command import ROOT
from running.detector import Trained, train_small, write_forty_scenes

from anchorprune.heads.head import Head, Level

SHARED = ROOT.parent / "shared/data"

pytest_addoption = selection.pytest_addoption
pytest_configure = selection.pytest_configure
pytest_collection_modifyitems = selection.pytest_collection_modifyitems
pytest_xdist_auto_num_workers = selection.pytest_xdist_auto_num_workers


@pytest.fixture(scope="session")
def run_command():
    """Run `anchorprune ARGUMENTS` in this process, where mmdet is imported already, as if it were a new one.

    What is about processes (kills, locks, ranks, exit statuses, packages that are not there) takes `run_process`.
    """
    return command.in_process


@pytest.fixture(scope="session")
def run_process():
    """Run `anchorprune ARGUMENTS` as a user does, in a process of its own; with mmdet it takes seconds to start."""
    return command.as_process


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Path], None]], Path]:
    """`made_once(name, make)`: a folder that `make(folder)` fills once a run, for all pytest-xdist's workers."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder_of(name: str, make: Callable[[Path], None]) -> Path:
        folder, done = shared / f"once-{name}", shared / f"once-{name}.done"
        with FileLock(shared / f"once-{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return folder_of


@pytest.fixture(scope="session")
def forty_scenes(made_once, run_command) -> Path:
    """A data set of forty scenes to train on: five iterations of eight in an epoch."""
    return made_once("forty-scenes", lambda folder: write_forty_scenes(run_command, folder))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the project; tests that need it are skipped without it."""
    if not SHARED.is_dir():
        pytest.skip(f"real data not found at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def ssd300() -> Head:
    """SSD300-VGG16 for 80 classes; channels, grids and anchor counts as published (Liu et al., ECCV 2016)."""
    levels = []
    for stride, grid, channels, count in zip(
        (8, 16, 32, 64, 100, 300),
        (38, 19, 10, 5, 3, 1),
        (512, 1024, 512, 256, 256, 256),
        (4, 6, 6, 6, 4, 4),
        strict=True,
    ):
        per_anchor = grid * grid * 9 * channels * 85
        levels.append(Level(stride, (grid, grid), 0, per_anchor, tuple((stride, stride) for _ in range(count))))
    return Head("ssd300-vgg16", (300, 300), 80, tuple(levels))


@pytest.fixture(scope="session")
def trained(made_once, run_process) -> Trained:
    """The small detector, trained once a run, by processes as a user starts them."""
    return Trained(made_once("trained", lambda base: train_small(Trained(base), run_process)))
