"""Fixtures shared by the tests: heads with known costs, a small trained detector, the command line."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from backends import LINEAR

from anchorprune.heads.layout import Head, Level

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared/data"


@dataclass(frozen=True)
class Result:
    """What a command line left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def error_line(self) -> str:
        """The last line on standard error, which a failing command must end with."""
        return self.err.strip().splitlines()[-1]


@pytest.fixture(scope="session")
def run_command():
    """Run `anchorprune ARGUMENTS` as a user does, in a process of its own."""

    def run(*arguments, cwd=ROOT, **environment) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "anchorprune", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{LINEAR}", **environment},
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


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


@dataclass(frozen=True)
class Trained:
    """A small detector trained on generated scenes, and its data."""

    data: Path
    folder: Path
    predictions: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.py"

    @property
    def weights(self) -> Path:
        return self.folder / "weights.pth"

    def split(self, name: str) -> tuple[Path, Path]:
        """Annotation file and image folder."""
        return self.data / f"{name}.json", self.data / "images" / name


SMALL_ANCHORS = {
    "strides": [8, 16, 32, 64],
    "levels": [
        [[16, 16], [23, 11], [11, 23]],
        [[28, 28], [40, 20], [20, 40]],
        [[52, 52], [74, 37], [37, 74]],
        [[88, 88]],
    ],
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory, run_command) -> Trained:
    """Train the demo's SSD for a few epochs, and cache its predictions on the prune split."""
    base = tmp_path_factory.mktemp("trained")
    data, folder = base / "data", base / "train"
    (base / "anchors.json").write_text(json.dumps(SMALL_ANCHORS))
    made = run_command("dataset", "scenes", "--train", 400, "--prune", 60, "--test", 40, "--output", data)
    assert made.status == 0, made.err
    done = run_command(
        *("train", ROOT / "config/detectors/ssd_demo.py", "--name", "small", "--anchors", base / "anchors.json"),
        *("--annotations", data / "train.json", "--images", data / "images/train", "--epochs", 7),
        *("--output", folder),
    )
    assert done.status == 0, done.err
    result = Trained(data, folder, base / "predictions.parquet")
    done = run_command("predict", result.config, result.weights, *result.split("prune"), "--output", result.predictions)
    assert done.status == 0, done.err
    return result
