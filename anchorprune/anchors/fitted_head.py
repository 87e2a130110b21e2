"""k-means anchors for a whole head: level by level, then all levels together. NumPy only."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from anchorprune.anchors.fit import overlap_chunks
from anchorprune.anchors.kmeans import kmeans_anchors, moved
from anchorprune.heads.head import Head

MOST_BOXES = 50_000
_ROUNDS = 100  # of fitting all levels together; on the boxes of 200 COCO images it settles after 40 to 100


def fitted_head(
    head: Head,
    counts: Sequence[int],
    boxes: np.ndarray,
    extent: np.ndarray | None = None,
    seed: int = 0,
) -> Head:
    """A head with k-means anchors in place of its own.

    Each box belongs to the level whose anchors, in the head as it is, overlap it best, among those levels that get
    an anchor. k-means gives each level its anchors for its own boxes. Then all of them are fitted together, by
    k-means with the distance 1 - IoU at the best cell of the anchor's grid, and the round of the best mean IoU stays.
    Of more than `MOST_BOXES` boxes, so many are drawn: COCO's 860 000 would take half an hour.

    Args:
        head: whose levels, grids and anchors say which boxes a level is responsible for.
        counts: anchors that each level gets.
        boxes: (M, 4) float64, x1 y1 x2 y2, input pixels.
        extent: as `fit.best_overlaps`.
        seed: of the starts and of the boxes that are drawn.

    Raises:
        UserError: fewer different box shapes than a level gets anchors.
    """
    if len(boxes) > MOST_BOXES:
        drawn = np.sort(np.random.default_rng(seed).choice(len(boxes), MOST_BOXES, replace=False))
        boxes, extent = boxes[drawn], None if extent is None else extent[drawn]
    sizes = boxes[:, 2:] - boxes[:, :2]
    overlaps = _level_overlaps(head, boxes, extent)
    overlaps[:, np.asarray(counts) == 0] = -1
    responsible = overlaps.argmax(1)
    levels = [
        kmeans_anchors(_shapes(sizes, overlaps[:, i], responsible == i, count), count, seed) if count else ()
        for i, count in enumerate(counts)
    ]
    return _fitted_together(_with_anchors(head, levels), boxes, extent)


def _level_overlaps(head: Head, boxes: np.ndarray, extent: np.ndarray | None) -> np.ndarray:
    """(M, L) the best IoU that any anchor of each level reaches with each box; 0 on a level without anchors."""
    level_of = np.array(head.level_of_anchor)
    best = np.zeros((len(boxes), len(head.levels)))
    for part, overlaps in overlap_chunks(head, boxes, extent):
        for i in set(level_of.tolist()):
            best[part, i] = overlaps[:, level_of == i].max(1)
    return best


def _shapes(sizes: np.ndarray, overlap: np.ndarray, responsible: np.ndarray, count: int) -> np.ndarray:
    """The shapes of a level's boxes; if fewer than `count` differ, also of those that the level overlaps next best."""
    order = np.lexsort((-overlap, ~responsible))
    firsts = np.sort(np.unique(sizes[order], axis=0, return_index=True)[1])
    enough = firsts[count - 1] + 1 if len(firsts) >= count else len(sizes)
    return sizes[order[: max(int(responsible.sum()), enough)]]


def _fitted_together(head: Head, boxes: np.ndarray, extent: np.ndarray | None) -> Head:
    best, best_iou, before = head, -1.0, None
    for _ in range(_ROUNDS):
        nearest, mean_iou = _nearest(head, boxes, extent)
        if mean_iou > best_iou:
            best, best_iou = head, mean_iou
        if before is not None and np.array_equal(nearest, before):
            break
        head, before = _moved(head, nearest, boxes[:, 2:] - boxes[:, :2]), nearest
    return best


def _nearest(head: Head, boxes: np.ndarray, extent: np.ndarray | None) -> tuple[np.ndarray, float]:
    """(M,) the anchor that overlaps each box best, and the mean of those IoUs."""
    anchor, total = np.empty(len(boxes), np.int64), 0.0
    for part, overlaps in overlap_chunks(head, boxes, extent):
        anchor[part] = overlaps.argmax(1)
        total += float(overlaps.max(1).sum())
    return anchor, total / len(boxes)


def _moved(head: Head, nearest: np.ndarray, sizes: np.ndarray) -> Head:
    """The head after a round of k-means."""
    anchors = moved(np.array([anchor for level in head.levels for anchor in level.anchors]), nearest, sizes)
    return _with_anchors(head, np.split(anchors, np.cumsum([len(level.anchors) for level in head.levels])[:-1]))


def _with_anchors(head: Head, levels: Sequence[Any]) -> Head:
    pairs = zip(head.levels, levels, strict=True)
    return replace(
        head, levels=tuple(replace(old, anchors=tuple((float(w), float(h)) for w, h in a)) for old, a in pairs)
    )
