"""Which detections two detectors share."""

from collections.abc import Sequence

import numpy as np
from pycocotools import mask

from anchorprune.heads.detections import Detections


def shared(first: Detections, second: Detections, iou: float) -> tuple[np.ndarray, np.ndarray]:
    """Pair detections of the same label, the highest-scoring of `first` choosing first.

    Args:
        first: detections of an image.
        second: other detections of that image.
        iou: least overlap of a pair.

    Returns:
        For each side, (n,) bool: whether the detection has a partner.
    """
    overlaps = _overlaps(first.boxes, second.boxes)
    overlaps[first.labels[:, None] != second.labels[None]] = -1
    partners = np.zeros(len(first.scores), bool), np.zeros(len(second.scores), bool)
    for i in np.argsort(-first.scores, kind="stable") if overlaps.size else ():
        j = int(np.argmax(overlaps[i]))
        if overlaps[i, j] >= iou:
            partners[0][i] = partners[1][j] = True
            overlaps[:, j] = -1
    return partners


def _overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n, 4) and (m, 4) corners -> (n, m) intersection over union."""
    if not (len(first) and len(second)):
        return np.zeros((len(first), len(second)))
    return np.array(mask.iou(_as_coco(first), _as_coco(second), [0] * len(second)))


def _as_coco(corners: np.ndarray) -> Sequence[Sequence[float]]:
    """Corners -> COCO's x y w h."""
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1).astype(np.float64)
