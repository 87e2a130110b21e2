"""A linear detector trained on generated scenes, by the backend itself: seconds."""

from pathlib import Path

from anchorprune.datasets.prepared_writer import Preparation, write_dataset
from anchorprune.datasets.scenes import CLASSES, write_scenes
from anchorprune.datasets.splits import Split
from anchorprune.detectors.foreign import Foreign
from anchorprune.detectors.protocols import Detector
from anchorprune.detectors.registry import backend, load
from anchorprune.detectors.training import Recipe, Training
from backends import LINEAR

CONFIG = LINEAR / "scenes.json"


def write_data(folder: Path, **counts: int) -> Path:
    """A prepared data set; `counts` are the images of train, prune and test."""

    def make(folder: Path) -> dict[str, Split]:
        images = Path("images")
        return {n: Split(write_scenes(folder / images / n, 0, n, k), images / n) for n, k in counts.items()}

    write_dataset(folder, "scenes", Preparation(make, 0, makes_images=True))
    return folder


def train(data: Path, folder: Path, seed: int = 0) -> Detector:
    """Train the detector on a data set's train split and write its folder."""
    training = Training(data / "train.json", data / "images/train", CLASSES, folder, Recipe(), seed, 1)
    backend("linear").train(Foreign(str(CONFIG), "linear"), training)
    return load([folder])
