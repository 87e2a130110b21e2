"""How much boxes overlap, by pycocotools."""

import numpy as np
from pycocotools import mask


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N, 4) and (M, 4) float64 boxes, x y w h -> (N, M) float64 intersection over union."""
    if not (len(first) and len(second)):
        return np.zeros((len(first), len(second)))  # pycocotools would give an empty list
    return np.array(mask.iou(first, second, [0] * len(second)))
