"""How much a detector's AP differs from another's, over all, by size and by class, each with its interval."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.heads.detections import SplitDetections
from anchorprune.scoring.bootstrap import INTERVAL, RESAMPLES, Difference, drawn_times
from anchorprune.scoring.certainty import two_detectors
from anchorprune.scoring.resample import class_aps

SIZES = ("ap", "ap_small", "ap_medium", "ap_large")


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
    times = np.concatenate([np.ones((1, images), np.int32), drawn_times(images, resamples)])
    changes = class_aps(scorer, (0,), times) - class_aps(scorer, (1,), times)  # row 0: the images as they are
    overall = [_class_means(change) for change in changes]
    return APChange(
        {name: _difference(column) for name, column in zip(SIZES, overall, strict=True) if column[0] == column[0]},
        {
            name: _difference(column)
            for name, column in zip(truth.category_names, changes[0].T, strict=True)
            if column[0] == column[0]
        },
        overall[0][1:],
    )


def _class_means(change: np.ndarray) -> np.ndarray:
    """(R,) mean over the classes that a resample has, of (R, K); NaN where it has none."""
    there = ~np.isnan(change)
    counts = there.sum(axis=1)
    sums = np.where(there, change, 0.0).sum(axis=1)
    return np.divide(sums, counts, out=np.full(len(change), np.nan), where=counts > 0)


def _difference(column: np.ndarray) -> Difference:
    """Of the change on the images as they are, followed by those on resamples (NaN where nothing is measured)."""
    low, high = np.nanpercentile(column[1:], INTERVAL) if not np.isnan(column[1:]).all() else (column[0], column[0])
    return Difference(float(column[0]), float(low), float(high))
