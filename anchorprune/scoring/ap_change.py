"""How much a detector's AP differs from another's, over all, by size and by class, each with its interval."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.heads.detections import SplitDetections
from anchorprune.scoring.bootstrap import INTERVAL, RESAMPLES, Difference, drawn_times, truths_of
from anchorprune.scoring.certainty import two_detectors
from anchorprune.scoring.resampling import class_means, resampled_aps
from anchorprune.scoring.scorer import Scorer

SIZES = ("ap", "ap_small", "ap_medium", "ap_large")  # of COCO's areas, in their order


@dataclass(frozen=True)
class APChange:
    """AP of one detector less that of another on the same images, with 95 % intervals of a paired bootstrap over them.

    Attributes:
        figures: `ap`, `ap_small`, `ap_medium`, `ap_large` -> the difference; those that nothing measures are left out.
        classes: category name -> the difference of its AP; classes without ground truth are left out.
        resampled: (R,) float64, the difference of `ap` on each resample. Resamples of equally many images are the same
            ones whatever the detectors, so those of several seeds can be put together.
    """

    figures: Mapping[str, Difference]
    classes: Mapping[str, Difference]
    resampled: np.ndarray


def ap_change(
    truth: Annotations,
    first: SplitDetections,
    second: SplitDetections,
    resamples: int = RESAMPLES,
    threads: int | None = None,
) -> APChange | None:
    """AP of the first detector less that of the second; None where neither found anything.

    Args:
        truth: the ground truth of the split.
        first: detections of a detector.
        second: of the other detector.
        resamples: number of resamples.
        threads: of the scorer; None: as many as this process may use.
    """
    if not (len(first) or len(second)):
        return None
    scorer = two_detectors(truth, first, second, threads)
    images = len(truth.images)
    times = np.concatenate([np.ones((1, images), np.uint8), drawn_times(images, resamples)])
    changes = [_class_changes(scorer, times, area) for area in range(len(SIZES))]  # row 0: the images as they are
    overall = [class_means(change) for change in changes]
    return APChange(
        {name: _difference(column) for name, column in zip(SIZES, overall, strict=True) if column[0] == column[0]},
        {
            name: _difference(column)
            for name, column in zip(truth.category_names, changes[0].T, strict=True)
            if column[0] == column[0]
        },
        overall[0][1:],
    )


def _class_changes(scorer: Scorer, times: np.ndarray, area: int) -> np.ndarray:
    """(R, K) AP of the first detector less that of the second, in an area."""
    truths = truths_of(scorer.annotations, times, area)
    first, second = (resampled_aps(scorer, scorer.evaluated((which,), area), times, truths) for which in (0, 1))
    return first - second


def _difference(column: np.ndarray) -> Difference:
    """Of the change on the images as they are, followed by those on resamples (NaN where nothing is measured)."""
    low, high = np.nanpercentile(column[1:], INTERVAL) if not np.isnan(column[1:]).all() else (column[0], column[0])
    return Difference(float(column[0]), float(low), float(high))
