"""The small detector that many tests share: the demo's SSD, trained for a few epochs on generated scenes."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from running.command import ROOT, Result

SMALL_ANCHORS = {
    "strides": [8, 16, 32, 64],
    "levels": [
        [[16, 16], [23, 11], [11, 23]],
        [[28, 28], [40, 20], [20, 40]],
        [[52, 52], [74, 37], [37, 74]],
        [[88, 88]],
    ],
}


def write_forty_scenes(run: Callable[..., Result], folder: Path) -> None:
    """Forty scenes to train on: five iterations of eight in an epoch."""
    done = run("dataset", "scenes", "--train", 40, "--prune", 8, "--test", 8, "--output", folder)
    assert done.status == 0, done.err


@dataclass(frozen=True)
class Trained:
    """A small detector trained on generated scenes, its data, and its predictions on the prune split."""

    base: Path

    @property
    def data(self) -> Path:
        return self.base / "data"

    @property
    def folder(self) -> Path:
        return self.base / "train"

    @property
    def predictions(self) -> Path:
        return self.base / "predictions.parquet"

    @property
    def config(self) -> Path:
        return self.folder / "config.py"

    @property
    def weights(self) -> Path:
        return self.folder / "weights.pth"

    def split(self, name: str) -> tuple[Path, Path]:
        """Annotation file and image folder."""
        return self.data / f"{name}.json", self.data / "images" / name


def train_small(made: Trained, run: Callable[..., Result]) -> None:
    """Make the data, train, and predict, by the commands that a user gives."""
    anchors = made.base / "anchors.json"
    anchors.write_text(json.dumps(SMALL_ANCHORS))
    annotations, images = made.split("train")
    for words in (
        ("dataset", "scenes", "--train", 400, "--prune", 60, "--test", 40, "--output", made.data),
        (
            *("train", ROOT / "config/detectors/ssd_demo.py", "--name", "small", "--anchors", anchors, "--epochs", 7),
            *("--annotations", annotations, "--images", images, "--output", made.folder),
        ),
        ("predict", made.config, made.weights, *made.split("prune"), "--output", made.predictions),
    ):
        done = run(*words)
        assert done.status == 0, done.err
