"""The kind `coco2017`: COCO 2017 in its own layout, and two protocols on it.

`heldout`: the search sees 5000 images of train2017 that a list in the repository names (config/splits/README.md), the
training sees the rest, the report sees val2017. `release`: the published code release's way, training on all of
train2017, search and report both on val2017; its figures compare with the published ones, but its search has seen the
images that it is reported on.
"""

from collections.abc import Mapping
from pathlib import Path

from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.finishing import facts, finish
from anchorprune.datasets.held_out import hold_out, hold_out_listed
from anchorprune.datasets.kinds.data_kind import Kind, Settings, Source, with_fraction_apart
from anchorprune.datasets.prepared_writer import Preparation
from anchorprune.datasets.splits import Split

PROTOCOLS = ("heldout", "release")
PRUNE_LIST = Path("config/splits/coco2017-prune.txt")
_PARTS = ("train", "val")


def prepare(
    output: Path,
    root: Path,
    protocol: str,
    prune: Path,
    prune_fraction: float | None,
    limit: Mapping[str, int],
    check: bool,
    seed: int,
) -> Preparation:
    """Take val2017 for the test split, and for the prune split what the protocol says.

    Args:
        output: the data set's folder.
        root: the folder of annotations, train2017 and val2017.
        protocol: one of `PROTOCOLS`.
        prune: under `heldout`, list of the train2017 images to hold out.
        prune_fraction: hold out this share of train2017 instead; None: the list.
        limit: most images of a split.
        check: decode every image.
        seed: of the share that is held out.
    """
    heldout = protocol == "heldout"
    shares = {"prune": prune_fraction} if heldout and prune_fraction else {}
    listed = prune if heldout and not shares else None

    def make(folder: Path) -> dict[str, Split]:
        found = hold_out(_read(root, protocol), shares, seed)
        found = hold_out_listed(found, listed) if listed else found
        return finish(found, output, limit, check, same=() if heldout else ("prune", "test"))

    inputs = [_annotation_file(root, part) for part in _PARTS]
    named = {"name": protocol} | ({"prune_list": str(listed)} if listed else {}) | facts(shares, limit)
    return Preparation(make, seed if shares else None, inputs, named)


def sources(settings: Settings) -> list[Source]:
    """Both annotation files, both image folders, and the list of images to hold out, if the protocol needs one."""
    root, prune = settings["root"], settings.get("prune")
    found = [Source("root", str(place(root, part))) for place in (_annotation_file, _image_folder) for part in _PARTS]
    needs_list = isinstance(prune, str) and settings.get("protocol") != "release"
    return [*found, Source("prune", prune)] if needs_list else found


def folders(settings: Settings) -> list[Path]:
    """Both image folders."""
    return [_image_folder(settings["root"], part) for part in _PARTS]


def _read(root: Path, protocol: str) -> dict[str, Split]:
    """The splits that are whole files: train and test, and under `release` prune, which is test."""
    train, val = (Split(read_coco(_annotation_file(root, part)), _image_folder(root, part)) for part in _PARTS)
    return {"train": train, "test": val} | ({"prune": val} if protocol == "release" else {})


def _annotation_file(root: str | Path, part: str) -> Path:
    """COCO's own place of the boxes of `train` or `val`."""
    return Path(root) / "annotations" / f"instances_{part}2017.json"


def _image_folder(root: str | Path, part: str) -> Path:
    """COCO's own place of the images of `train` or `val`."""
    return Path(root) / f"{part}2017"


KIND = Kind("coco2017", prepare, sources, folders=folders, options=with_fraction_apart, collection="coco2017")
