"""The kind `coco`: COCO annotation files, one per split or one to be split at random."""

from collections.abc import Collection, Mapping
from pathlib import Path

from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.finishing import facts, finish
from anchorprune.datasets.held_out import hold_out, shares_held_out
from anchorprune.datasets.kinds.data_kind import Kind, Settings, Source
from anchorprune.datasets.prepared_writer import Preparation
from anchorprune.datasets.splits import SPLITS, Split

Place = tuple[Path, Path] | None  # of a split: annotation file and image folder


def prepare(
    output: Path,
    train: Place,
    prune: Place,
    test: Place,
    prune_fraction: float,
    test_fraction: float | None,
    limit: Mapping[str, int],
    check: bool,
    seed: int,
) -> Preparation:
    """Read the splits that are given, and hold out the others.

    Args:
        output: the data set's folder.
        train: annotation file and image folder of this split, or None; `prune` and `test` likewise.
        prune: see `train`.
        test: see `train`.
        prune_fraction: share held out as the prune split where it is not given.
        test_fraction: the same of the test split; None for no share.
        limit: most images of a split.
        check: decode every image.
        seed: of what is held out.

    Raises:
        UserError: a split is neither given nor to be held out.
    """
    given = {name: place for name, place in zip(SPLITS, (train, prune, test), strict=True) if place}
    shares = shares_held_out(given, prune_fraction, test_fraction)

    def make(folder: Path) -> dict[str, Split]:
        found = {name: Split(read_coco(file), images) for name, (file, images) in given.items()}
        return finish(hold_out(found, shares, seed), output, limit, check)

    inputs = [file for file, _ in given.values()]
    return Preparation(make, seed if shares else None, inputs, facts(shares, limit))


def sources(settings: Settings) -> list[Source]:
    """The annotation file and the image folder of each split that is given."""
    given = {name: settings[name] for name in SPLITS if isinstance(settings.get(name), Mapping)}
    return [Source(f"{name}.{key}", path) for name, place in given.items() for key, path in place.items()]


def folders(settings: Settings) -> list[Path]:
    """The image folder of each split that is given."""
    return [Path(path) for key, path in sources(settings) if key.endswith(".images")]


def splits(settings: Settings) -> Collection[str]:
    """The splits that are given, prune where a part of train can be held out, and test where one is to be."""
    held_out = {"prune": "train" in settings, "test": "test_fraction" in settings}
    return [name for name in SPLITS if name in settings or held_out.get(name)]


KIND = Kind("coco", prepare, sources, folders=folders, splits=splits)
