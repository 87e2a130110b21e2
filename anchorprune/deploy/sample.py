"""Some images of a split or a folder, evenly spread over it."""

from pathlib import Path

import numpy as np

from anchorprune.datasets.coco import read_coco
from anchorprune.errors import UserError

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


def _spread(images: list[Path], count: int) -> list[Path]:
    places = np.unique(np.linspace(0, len(images) - 1, min(count, len(images))).round().astype(int))
    return [images[i] for i in places]
