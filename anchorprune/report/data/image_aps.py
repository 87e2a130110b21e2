"""AP of a detector on every single image, by COCO's rules as of a split of that image alone."""

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.heads.detections import SplitDetections
from anchorprune.scoring.bootstrap import truths_of
from anchorprune.scoring.certainty import two_detectors
from anchorprune.scoring.resampling import class_means, resampled_aps

_AT_ONCE = 512  # images


def image_aps(truth: Annotations, found: SplitDetections) -> np.ndarray:
    """(I,) float64: the detector's AP on each image of the truth; NaN on one without ground truth.

    Args:
        truth: the ground truth of the split.
        found: the detector's detections.
    """
    aps = np.full(len(truth.images), np.nan)
    if not len(found):
        aps[np.unique(truth.image_index[~truth.iscrowd])] = 0.0
        return aps
    scorer = two_detectors(truth, found, found.chosen(slice(0)), threads=1)
    matches = scorer.evaluated([0])
    for low in range(0, len(truth.images), _AT_ONCE):
        part = np.arange(low, min(low + _AT_ONCE, len(truth.images)))
        alone = np.zeros((len(part), len(truth.images)), np.uint8)
        alone[np.arange(len(part)), part] = 1
        aps[part] = class_means(resampled_aps(scorer, matches, alone, truths_of(truth, alone)))
    return aps
