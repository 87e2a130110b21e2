"""The kind `voc`: PASCAL VOC folders, one or several years below a common one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from anchorprune.datasets.finishing import facts, finish
from anchorprune.datasets.held_out import hold_out, shares_held_out
from anchorprune.datasets.kinds.data_kind import Kind, Settings, Source, with_fraction_apart
from anchorprune.datasets.prepared_writer import Preparation
from anchorprune.datasets.splits import SPLITS, Split
from anchorprune.datasets.unusable import voc_trainable
from anchorprune.datasets.voc import listed, read_voc, voc_categories, voc_folder, voc_images, voc_list


def prepare(
    output: Path,
    root: Path,
    train: Sequence[str],
    prune: Sequence[str],
    test: Sequence[str],
    categories: Sequence[str] | None,
    prune_fraction: float,
    test_fraction: float | None,
    limit: Mapping[str, int],
    check: bool,
    seed: int,
) -> Preparation:
    """Read the image sets of the splits that are given, and hold out the others.

    Args:
        output: the data set's folder.
        root: the folder of Annotations, ImageSets/Main and JPEGImages, or of several such.
        train: image sets of this split, or none; `prune` and `test` likewise.
        prune: see `train`.
        test: see `train`.
        categories: class names in the order of their ids; None: all that occur, sorted by name.
        prune_fraction: share held out as the prune split where it is not given.
        test_fraction: the same of the test split; None for no share.
        limit: most images of a split.
        check: decode every image.
        seed: of what is held out.

    Raises:
        UserError: a split is neither given nor to be held out.
    """
    given = {name: sets for name, sets in zip(SPLITS, (train, prune, test), strict=True) if sets}
    shares = shares_held_out(given, prune_fraction, test_fraction)

    def make(folder: Path) -> dict[str, Split]:
        names = categories or voc_categories(root, given.values())
        found = {name: Split(read_voc(root, sets, names), voc_images(root, sets)) for name, sets in given.items()}
        return finish(hold_out(found, shares, seed), output, limit, check, voc_trainable)

    return Preparation(make, seed if shares else None, protocol=facts(shares, limit))


def sources(settings: Settings) -> list[Source]:
    """The lists of the image sets, and the annotations' folder where there is one for all of them."""
    root = settings["root"]
    sets = [(s, name) for s in SPLITS if isinstance(settings.get(s), str | list) for name in listed(settings[s])]
    folders = [] if any("/" in name for _, name in sets) else [Source("root", f"{root}/Annotations")]
    return folders + [Source(s, str(voc_list(root, name))) for s, name in sets]


def folders(settings: Settings) -> list[Path]:
    """The boxes' and the images' folder of each image set."""
    sets = [name for s in SPLITS if isinstance(settings.get(s), str | list) for name in listed(settings[s])]
    found = [voc_folder(settings["root"], name) / part for name in sets for part in ("Annotations", "JPEGImages")]
    return list(dict.fromkeys(found))


def _options(settings: Settings) -> Settings:
    """The class names as the one value that `--categories` takes."""
    names = settings.get("categories")
    return with_fraction_apart(settings if names is None else {**settings, "categories": ",".join(names)})


KIND = Kind("voc", prepare, sources, folders=folders, options=_options, collection="voc0712")
