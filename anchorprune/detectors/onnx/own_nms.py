"""The post-processing of a detector whose graph ends with its boxes: the words of `Postprocess`, in NumPy."""

import numpy as np

from anchorprune.heads.predictions import Postprocess


def detected(
    level: np.ndarray, label: np.ndarray, score: np.ndarray, boxes: np.ndarray, post: Postprocess
) -> np.ndarray:
    """Which of an image's candidates are its detections.

    Args:
        level: (n,) of each one's anchor.
        label: (n,) class.
        score: (n,) float32, above the threshold; of equal ones the first ranks higher.
        boxes: (n, 4) float32, x1 y1 x2 y2, pixels of the image.
        post: its limits.

    Returns:
        (k,) int64, the best first.
    """
    order = np.argsort(-score, kind="stable")
    if post.nms_pre is not None and post.nms_pre >= 0:
        order = order[_places((level if post.nms_pre_per == "level" else label)[order]) < post.nms_pre]
    if post.min_size >= 0:
        order = order[(boxes[order, 2:] - boxes[order, :2] > post.min_size).all(1)]
    kept: list[int] = []
    while len(order) and len(kept) != post.max_per_image:
        best, order = order[0], order[1:]
        kept.append(best)
        lost = overlaps(boxes[best], boxes[order]) > np.float32(post.nms_iou)
        order = order[~(lost & (post.class_agnostic | (label[order] == label[best])))]
    return np.array(kept, np.int64)


def overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n,) float32, intersection over union of a box (4,) and others (n, 4); 0 where they do not meet."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    both = np.where((sides > 0).all(1), sides[:, 0] * sides[:, 1], np.float32(0))
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    union = (box[2] - box[0]) * (box[3] - box[1]) + areas - both
    return np.divide(both, union, out=np.zeros_like(both), where=both > 0)


def _places(pool: np.ndarray) -> np.ndarray:
    """(n,) how many of the same pool stand before each."""
    order = np.argsort(pool, kind="stable")
    counts = np.unique(pool, return_counts=True)[1]
    places = np.empty(len(pool), np.int64)
    places[order] = np.arange(len(pool)) - np.repeat(np.cumsum(counts) - counts, counts)
    return places
