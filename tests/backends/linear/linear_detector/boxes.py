"""Boxes (x1 y1 x2 y2, pixels) and anchors (centre x y, w, h): where they lie, deltas, overlaps, suppression."""

import numpy as np

from anchorprune.heads.head import Level
from anchorprune.heads.predictions import Postprocess


def priors(level: Level) -> np.ndarray:
    """A level's anchors at each of its cells: (cells, anchors, 4)."""
    rows, columns = np.mgrid[: level.grid[0], : level.grid[1]]
    centres = (np.stack([columns, rows], -1).reshape(-1, 1, 2) + 0.5) * level.stride
    return np.concatenate(np.broadcast_arrays(centres, np.reshape(level.anchors, (1, -1, 2))), -1)


def encode(anchors: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Deltas from anchors to boxes, all (n, 4)."""
    centres, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([(centres - anchors[:, :2]) / anchors[:, 2:], np.log(sizes / anchors[:, 2:])], 1)


def decode(anchors: np.ndarray, deltas: np.ndarray) -> np.ndarray:
    """The boxes at deltas, which are kept within -2..2, from anchors; all (..., 4)."""
    deltas = np.clip(deltas, -2, 2)
    centres, sizes = anchors[..., :2] + deltas[..., :2] * anchors[..., 2:], anchors[..., 2:] * np.exp(deltas[..., 2:])
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], -1)


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n, m) intersection over union; 0 where neither has an area."""
    low, high = np.maximum(first[:, None, :2], second[:, :2]), np.minimum(first[:, None, 2:], second[:, 2:])
    shared = np.clip(high - low, 0, None).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1] - shared
    return np.divide(shared, union, out=np.zeros_like(union), where=union > 0)


def detected(level: np.ndarray, label: np.ndarray, score: np.ndarray, boxes: np.ndarray, post: Postprocess):
    """Which of an image's candidates are its detections, best first; of equal scores the first ranks higher."""
    order = np.argsort(-score, kind="stable")
    if post.nms_pre is not None:
        place = np.array([np.count_nonzero(level[order[:i]] == level[j]) for i, j in enumerate(order)])
        order = order[place < post.nms_pre]
    if post.min_size >= 0:
        order = order[(boxes[order, 2:] - boxes[order, :2] > post.min_size).all(1)]
    kept: list[int] = []
    while len(order) and len(kept) != post.max_per_image:
        best, order = order[0], order[1:]
        kept.append(best)
        lost = overlaps(boxes[[best]], boxes[order])[0] > post.nms_iou
        order = order[~(lost & (post.class_agnostic | (label[order] == label[best])))]
    return np.array(kept, np.int64)
