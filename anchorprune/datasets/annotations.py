"""The in-memory form of a data set's boxes: plain arrays, ready for scoring."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Image:
    """One image: its id, its file name relative to the image folder, and its size in pixels."""

    id: int
    file_name: str
    width: int
    height: int


@dataclass(frozen=True)
class Annotations:
    """Ground-truth boxes of a data set or split.

    Attributes:
        images: ascending by id.
        category_ids: (K,) int32, ascending, the data set's own ids.
        category_names: K names, in the order of `category_ids`.
        ids: (M,) int64 annotation ids.
        image_index: (M,) int32, position of each box's image in `images`; boxes keep the file's order within an image.
        category_index: (M,) int32, position of each box's category in `category_ids`.
        boxes: (M, 4) float64, x y w h, pixels of the original image.
        area: (M,) float64, square pixels (COCO's own `area`, which for segmented objects is not w * h).
        iscrowd: (M,) bool; COCO's crowds, and PASCAL VOC's `difficult` boxes. COCO's protocol ignores them.
        skipped: of a train split, one line per box that was left out, naming its file and why.
        difficult: (M,) bool, PASCAL VOC's flag, or None where the data set has no such flag.
    """

    images: tuple[Image, ...]
    category_ids: np.ndarray
    category_names: tuple[str, ...]
    ids: np.ndarray
    image_index: np.ndarray
    category_index: np.ndarray
    boxes: np.ndarray
    area: np.ndarray
    iscrowd: np.ndarray
    skipped: tuple[str, ...] = ()
    difficult: np.ndarray | None = None

    @cached_property
    def image_ids(self) -> np.ndarray:
        """(N,) int64, ascending."""
        return np.array([image.id for image in self.images], dtype=np.int64)
