"""What a scorer says of a subset."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Score:
    """COCO's average precisions, 0..1; -1 where no ground truth counts, as pycocotools gives it."""

    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float


@dataclass(frozen=True)
class LeftDetections:
    """What a pruned detector's post-processing leaves, by image, then falling score.

    Attributes:
        image_id: (D,) int64.
        category_id: (D,) int32.
        anchor: (D,) int16.
        score: (D,) float32.
        boxes: (D, 4) float32, x1 y1 x2 y2, pixels of the original image.
    """

    image_id: np.ndarray
    category_id: np.ndarray
    anchor: np.ndarray
    score: np.ndarray
    boxes: np.ndarray
