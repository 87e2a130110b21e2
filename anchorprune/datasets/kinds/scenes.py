"""The kind `scenes`: generated, so it needs nothing on disk."""

from pathlib import Path

from anchorprune.datasets.kinds.data_kind import Kind, Settings, Source
from anchorprune.datasets.prepared_writer import Preparation
from anchorprune.datasets.scenes import write_scenes
from anchorprune.datasets.splits import Split


def prepare(output: Path, train: int, prune: int, test: int, size: int, seed: int) -> Preparation:
    """Make scenes for each split; their images come to lie in the data set's own folder.

    Args:
        output: the data set's folder.
        train: number of images of this split; `prune` and `test` likewise.
        prune: see `train`.
        test: see `train`.
        size: width and height of the images, pixels.
        seed: of the scenes.
    """

    def make(folder: Path) -> dict[str, Split]:
        return {
            name: Split(write_scenes(folder / "images" / name, seed, name, count, size), Path("images") / name)
            for name, count in (("train", train), ("prune", prune), ("test", test))
        }

    return Preparation(make, seed, makes_images=True)


def sources(settings: Settings) -> list[Source]:
    """Nothing: scenes are generated."""
    return []


KIND = Kind("scenes", prepare, sources)
