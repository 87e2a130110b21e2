"""How well a set of anchors fits a data set's boxes, and anchors made to fit: k-means. NumPy only."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from anchorprune.datasets.annotations import Annotations
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


def scaled_boxes(truth: Annotations, size: tuple[int, int], keep_ratio: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """A data set's boxes in input pixels; crowds and boxes without area are left out.

    Args:
        truth: the annotations.
        size: (W, H) of the input.
        keep_ratio: scale each image by one factor so that its long side is at most the input's long side and its
            short side at most the short one (mmdet's `Resize(keep_ratio=True)`); else stretch it to the input.

    Returns:
        boxes (M, 4) float64 x1 y1 x2 y2, and with `keep_ratio` the (M, 2) width and height of each box's image.
    """
    whole = ~truth.iscrowd & (truth.boxes[:, 2:] > 0).all(1)
    images, factor = image_scales(truth, size, keep_ratio)
    index = truth.image_index[whole]
    corners = truth.boxes[whole].astype(np.float64)
    corners[:, 2:] += corners[:, :2]
    boxes = corners * np.tile(factor[index], 2)
    return boxes, (images * factor)[index] if keep_ratio else None


def image_scales(truth: Annotations, size: tuple[int, int], keep_ratio: bool) -> tuple[np.ndarray, np.ndarray]:
    """(N, 2) width and height of each image, original pixels, and (N, 2) what takes them to input pixels, float64.

    Arguments as `scaled_boxes`.
    """
    images = np.array([(image.width, image.height) for image in truth.images], np.float64).reshape(-1, 2)
    if keep_ratio:
        factor = np.minimum(max(size) / images.max(1), min(size) / images.min(1))[:, None].repeat(2, 1)
    else:
        factor = np.array(size, np.float64) / images
    return images, factor


def shape_overlaps(shapes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """(M, 2) and (K, 2) widths and heights -> (M, K) IoU of the two laid on one centre."""
    both = np.minimum(shapes[:, None], anchors[None]).prod(2)
    return both / (shapes.prod(1)[:, None] + anchors.prod(1)[None] - both)


def kmeans_anchors(shapes: np.ndarray, k: int, seed: int = 0, rounds: int = 300) -> np.ndarray:
    """Anchors by k-means with the distance 1 - IoU (Redmon and Farhadi, YOLO9000, arXiv 1612.08242, section 2).

    Starts are drawn as in k-means++, with a chance proportional to the distance. The same seed gives the same anchors.

    Args:
        shapes: (M, 2) widths and heights of the boxes, input pixels.
        k: number of anchors.
        seed: of the starts.
        rounds: at most this many rounds; it stops when no box changes its anchor.

    Returns:
        (k, 2) float64 widths and heights, by growing area.

    Raises:
        UserError: fewer different shapes than anchors.
    """
    shapes = np.asarray(shapes, np.float64)
    different = len(np.unique(shapes, axis=0))
    if not 0 < k <= different:
        raise UserError(f"k-means: {k} anchors of {different} different box shapes; ask for 1 to {different}")
    anchors = _starts(shapes, k, np.random.default_rng(seed))
    nearest = None
    for _ in range(rounds):
        before, nearest = nearest, shape_overlaps(shapes, anchors).argmax(1)
        if before is not None and np.array_equal(before, nearest):
            break
        counts = np.bincount(nearest, minlength=k)
        sums = np.stack([np.bincount(nearest, shapes[:, axis], minlength=k) for axis in (0, 1)], 1)
        used = counts > 0  # an anchor that serves no box stays where it is
        anchors[used] = sums[used] / counts[used, None]
    return anchors[np.lexsort((anchors[:, 0], anchors.prod(1)))]


def _starts(shapes: np.ndarray, k: int, generator: np.random.Generator) -> np.ndarray:
    anchors = [shapes[generator.integers(len(shapes))]]
    distance = np.ones(len(shapes))
    for _ in range(k - 1):
        distance = np.minimum(distance, 1 - shape_overlaps(shapes, anchors[-1][None])[:, 0])
        anchors.append(shapes[generator.choice(len(shapes), p=distance / distance.sum())])
    return np.stack(anchors)
