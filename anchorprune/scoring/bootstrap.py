"""How sure an AP difference is: a paired bootstrap over images, on matches that are made once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.scoring.evaluated import Evaluated
from anchorprune.scoring.ground_truth import sort_truth
from anchorprune.scoring.resampling import class_means, resampled_aps
from anchorprune.scoring.scorer import Scorer

RESAMPLES = 1000
INTERVAL = (2.5, 97.5)  # percentiles: 95 %


@dataclass(frozen=True)
class Difference:
    """AP of one subset less AP of another, on the same images.

    Attributes:
        ap: the difference.
        low: lower end of its 95 % interval over resamples of the images.
        high: upper end.
    """

    ap: float
    low: float
    high: float


class Bootstrap:
    """Resamples of a scorer's images, the same ones for every subset, so that differences are paired.

    An image drawn n times counts as n images. A resample's AP is COCO's AP of it: categories that have no ground
    truth in a resample are left out there.

    Attributes:
        times: (resamples, images) uint8, how often each image is drawn.
    """

    def __init__(self, scorer: Scorer, resamples: int = RESAMPLES, seed: int = 0):
        images = np.flatnonzero(scorer.images)
        self._scorer = scorer
        self.times = np.zeros((resamples, len(scorer.images)), np.uint8)
        self.times[:, images] = drawn_times(len(images), resamples, seed)
        self._truths = truths_of(scorer.annotations, self.times)

    def aps(self, kept: Sequence[int]) -> np.ndarray:
        """(resamples,) float64: the subset's AP on each resample; -1 where a resample has no ground truth."""
        return self.aps_of(self._scorer.evaluated(kept))

    def aps_of(self, matches: Evaluated) -> np.ndarray:
        """(resamples,) float64: as `aps`, of matches of the scorer's images."""
        aps = class_means(resampled_aps(self._scorer, matches, self.times, self._truths))
        return np.where(np.isnan(aps), -1.0, aps)

    def difference(self, kept: Sequence[int], other: Sequence[int], others: np.ndarray | None = None) -> Difference:
        """AP of `kept` less AP of `other`; `others` are `aps(other)` if they are at hand."""
        less, others = self._scorer.ap(other), self.aps(other) if others is None else others
        low, high = np.percentile(self.aps(kept) - others, INTERVAL)
        return Difference(self._scorer.ap(kept) - less, float(low), float(high))


def drawn_times(images: int, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """(resamples, images) uint8: how often each image is drawn; the same for the same arguments.

    That one is drawn 256 times has a chance below 1e-500.
    """
    rng, times = np.random.default_rng([seed, images]), np.empty((resamples, images), np.uint8)
    for row in times:
        row[:] = np.bincount(rng.integers(0, images, images), minlength=images)
    return times


def truths_of(annotations: Annotations, times: np.ndarray, area: int = 0) -> np.ndarray:
    """(R, K) int64, ground-truth boxes of each class in an area (0: all) on resamples that draw images (R, I) times."""
    truth, categories = sort_truth(annotations), len(annotations.category_ids)
    counts = truth.flags >> area & 1 == 0
    image, category = truth.image[counts], truth.category[counts]
    return np.stack([np.bincount(category, row[image], categories).astype(np.int64) for row in times])
