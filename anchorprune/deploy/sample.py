"""Some images of a split or a folder, evenly spread over it."""

from pathlib import Path
from typing import TypeVar

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.splits import subset
from anchorprune.errors import UserError

Item = TypeVar("Item")
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def images_of_split(annotations: Path, folder: Path, count: int) -> list[Path]:
    """`count` images of a split (all, if it has fewer).

    Args:
        annotations: COCO annotation file.
        folder: its file names are relative to.
        count: at least 1.

    Raises:
        UserError: the split is empty.
    """
    images = [folder / image.file_name for image in read_coco(annotations).images]
    if not images:
        raise UserError(f"{annotations}: this split has no images; give it at least one")
    return _spread(images, count)


def images_of_folder(folder: Path, count: int) -> list[Path]:
    """`count` images of a folder (all, if it has fewer), in the order of their names.

    Raises:
        UserError: no images are there.
    """
    images = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not images:
        raise UserError(f"{folder}: no images ({', '.join(SUFFIXES)}) here; give a folder of real images")
    return _spread(images, count)


def sampled(truth: Annotations, count: int) -> Annotations:
    """The part of a split on `count` of its images (all, if it has fewer)."""
    return subset(truth, _spread(truth.image_ids.tolist(), count))


def _spread(items: list[Item], count: int) -> list[Item]:
    places = np.unique(np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int))
    return [items[i] for i in places]
