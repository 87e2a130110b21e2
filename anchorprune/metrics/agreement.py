"""Which detections two detectors share."""

import numpy as np

from anchorprune.heads.detections import Detections
from anchorprune.metrics import overlap


def shared(first: Detections, second: Detections, iou: float) -> tuple[np.ndarray, np.ndarray]:
    """Pair detections of the same label, the highest-scoring of `first` choosing first.

    Args:
        first: detections of an image.
        second: other detections of that image.
        iou: least overlap of a pair.

    Returns:
        For each side, (n,) bool: whether the detection has a partner.
    """
    overlaps = overlap.iou(_as_coco(first.boxes), _as_coco(second.boxes))
    overlaps[first.labels[:, None] != second.labels[None]] = -1
    partners = np.zeros(len(first.scores), bool), np.zeros(len(second.scores), bool)
    for i in np.argsort(-first.scores, kind="stable") if overlaps.size else ():
        j = int(np.argmax(overlaps[i]))
        if overlaps[i, j] >= iou:
            partners[0][i] = partners[1][j] = True
            overlaps[:, j] = -1
    return partners


def _as_coco(corners: np.ndarray) -> np.ndarray:
    """Corners -> COCO's x y w h, float64."""
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1).astype(np.float64)
