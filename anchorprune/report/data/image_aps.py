"""AP of two detectors on every single image, by COCO's rules as of a split of that image alone."""

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.heads.detections import SplitDetections
from anchorprune.scoring.bootstrap import truths_of
from anchorprune.scoring.certainty import two_detectors
from anchorprune.scoring.resampling import class_means, resampled_aps

_AT_ONCE = 512  # images


def image_aps(truth: Annotations, first: SplitDetections, second: SplitDetections) -> np.ndarray:
    """(2, I) float64: each detector's AP on each image of the truth; NaN on one without ground truth.

    Args:
        truth: the ground truth of the split.
        first: detections of a detector.
        second: of another.
    """
    aps = np.full((2, len(truth.images)), np.nan)
    if not (len(first) or len(second)):
        aps[:, np.unique(truth.image_index[~truth.iscrowd])] = 0.0
        return aps
    scorer = two_detectors(truth, first, second, threads=1)
    for which in range(2):
        matches = scorer.evaluated([which])
        for low in range(0, len(truth.images), _AT_ONCE):
            part = np.arange(low, min(low + _AT_ONCE, len(truth.images)))
            alone = np.zeros((len(part), len(truth.images)), np.uint8)
            alone[np.arange(len(part)), part] = 1
            aps[which, part] = class_means(resampled_aps(scorer, matches, alone, truths_of(truth, alone)))
    return aps
