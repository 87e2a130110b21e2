"""How well a set of anchors fits a data set's boxes. NumPy only."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from anchorprune.errors import UserError
from anchorprune.heads.head import Head

THRESHOLDS = np.arange(50, 100, 5) / 100  # COCO's
_CHUNK = 1 << 15  # boxes at a time: a chunk's table of 54 anchors takes 14 MB


@dataclass(frozen=True)
class Fit:
    """How a set of A anchors, at every cell of its grids, covers M boxes.

    Attributes:
        boxes: M.
        recall_50: share of the boxes that some anchor overlaps by an IoU of at least 0.5 (best possible recall).
        recall: the same, mean over the IoUs .5, .55 .. .95.
        mean_iou: mean over the boxes of the best IoU.
        share: (A,) share of the boxes that each anchor overlaps best; the first of equals.
    """

    boxes: int
    recall_50: float
    recall: float
    mean_iou: float
    share: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """The form that `anchorprune anchors` prints."""
        names = ("boxes", "recall_50", "recall", "mean_iou")
        return {name: getattr(self, name) for name in names} | {"share": list(self.share)}


def fit(head: Head, boxes: np.ndarray, extent: np.ndarray | None = None) -> Fit:
    """How a head's anchors cover boxes; arguments as `best_overlaps`.

    Raises:
        UserError: there is no box.
    """
    if not len(boxes):
        raise UserError("no boxes to fit anchors to; give annotations with boxes that are not crowds")
    best, anchor = np.empty(len(boxes)), np.empty(len(boxes), np.int64)
    for part, overlaps in overlap_chunks(head, boxes, extent):
        anchor[part] = overlaps.argmax(1)
        best[part] = overlaps.max(1)
    recalls = [float((best >= threshold).mean()) for threshold in THRESHOLDS]
    share = np.bincount(anchor, minlength=head.num_anchors) / len(boxes)
    return Fit(len(boxes), recalls[0], float(np.mean(recalls)), float(best.mean()), tuple(share.tolist()))


def overlap_chunks(
    head: Head, boxes: np.ndarray, extent: np.ndarray | None = None
) -> Iterator[tuple[slice, np.ndarray]]:
    """`best_overlaps` of some boxes at a time, and which: the whole table of a large data set would not fit."""
    for start in range(0, len(boxes), _CHUNK):
        part = slice(start, start + _CHUNK)
        yield part, best_overlaps(head, boxes[part], None if extent is None else extent[part])


def best_overlaps(head: Head, boxes: np.ndarray, extent: np.ndarray | None = None) -> np.ndarray:
    """The best IoU that each anchor reaches with each box over the cells of its grid.

    Along each axis the overlap falls with the distance of the centres, so the best cell is the one whose centre is
    nearest, in x and in y.

    Args:
        head: levels with strides, grids and anchors.
        boxes: (M, 4) float64, x1 y1 x2 y2, input pixels.
        extent: (M, 2) width and height of each box's image, input pixels, where images differ in size: the grid
            then has as many cells as cover it. None: the head's own grids.

    Returns:
        (M, A) float64.
    """
    middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    area = size.prod(1)
    columns = []
    for level in head.levels:
        cells = np.array(level.grid[::-1]) if extent is None else np.ceil(extent / level.stride)
        cell = np.clip(np.rint(middle / level.stride - head.center), 0, cells - 1)
        distance = np.abs(middle - (cell + head.center) * level.stride)
        for anchor in np.asarray(level.anchors, np.float64).reshape(-1, 2):
            reach = (size + anchor) / 2 - distance
            both = np.clip(np.minimum(reach, np.minimum(size, anchor)), 0, None).prod(1)
            columns.append(both / (area + anchor.prod() - both))
    return np.stack(columns, 1)
