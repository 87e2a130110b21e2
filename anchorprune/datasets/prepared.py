"""A prepared data set on disk: train.json, prune.json, test.json and dataset.json, which says where the images are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.rare_classes import box_counts
from anchorprune.datasets.splits import Split
from anchorprune.datasets.unusable import unusable
from anchorprune.errors import UserError
from anchorprune.files import read_json

_VERSION = 1


def read_split(dataset: str | Path, name: str) -> Split:
    """Read one split of a prepared data set; `images` of the result can be opened from the current folder.

    Args:
        dataset: the folder, or its dataset.json.
        name: `train`, `prune` or `test`.
    """
    folder = Path(dataset).parent if Path(dataset).suffix == ".json" else Path(dataset)
    manifest = read_json(folder / "dataset.json", "data set (made by `anchorprune dataset`)")
    try:
        entry = manifest["splits"][name]
        return Split(read_coco(folder / entry["annotations"]), folder / entry["images"])
    except (KeyError, TypeError):
        raise UserError(f"{folder / 'dataset.json'}: has no split {name!r}; make the data set again") from None


def describe(splits: Mapping[str, Split], kind: str, seed: int | None, protocol: Mapping[str, Any]) -> dict[str, Any]:
    """The content of dataset.json.

    Args:
        splits: train, prune and test, with one and the same categories; relative image folders are relative to the
            data set's.
        kind: of the data set, as the configuration names it.
        seed: of what was drawn at random, if anything was.
        protocol: what else decided which image is in which split.
    """
    first = next(iter(splits.values())).annotations
    names = zip(first.category_ids.tolist(), first.category_names, strict=True)
    return {
        "version": _VERSION,
        "kind": kind,
        "seed": seed,
        "protocol": dict(protocol),
        "categories": [{"id": number, "name": name} for number, name in names],
        "splits": {name: _entry(name, split) for name, split in splits.items()},
    }


def _entry(name: str, split: Split) -> dict[str, Any]:
    found = split.annotations
    return {
        "annotations": f"{name}.json",
        "images": split.images.as_posix(),
        "image_count": len(found.images),
        "box_count": len(found.ids),
        "crowd_count": int(found.iscrowd.sum()),
        "boxes_of_class": box_counts(found),
        "unusable_count": int(np.count_nonzero(unusable(found))),
        "skipped": list(found.skipped),
    }
