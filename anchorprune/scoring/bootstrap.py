"""How sure an AP difference is: a paired bootstrap over images, on matches that are made once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.scoring.evaluated import Evaluated, together
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


@dataclass(frozen=True)
class Stitched:
    """AP of detections that come from several subsets, each image's from one of them.

    Attributes:
        ap: on all images.
        aps: (resamples,) float64, on each resample.
    """

    ap: float
    aps: np.ndarray


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
        once = scorer.images.astype(np.uint8)[None]
        self._once = once, truths_of(scorer.annotations, once)

    def aps(self, kept: Sequence[int]) -> np.ndarray:
        """(resamples,) float64: the subset's AP on each resample; -1 where a resample has no ground truth."""
        return self._aps(self._scorer.evaluated(kept), self.times, self._truths)

    def stitched(self, subsets: Sequence[Sequence[int]], which: np.ndarray) -> Stitched:
        """AP of the detections that each image has by a subset of its own.

        Args:
            subsets: the subsets.
            which: (I,) int, the index of each image's subset.
        """
        different = dict.fromkeys(tuple(subset) for subset in subsets)
        if len(different) == 1:
            return Stitched(self._scorer.ap(subsets[0]), self.aps(subsets[0]))
        parts = []
        for subset in different:
            part = self._scorer.evaluated(subset)
            mine = np.array([tuple(one) == subset for one in subsets])[which][part.image]
            parts.append(Evaluated(*(values[mine] for values in part)))
        matches = together(parts, 64 * self._scorer.tables.area_bits.shape[1])
        ap = self._aps(matches, *self._once)[0]
        return Stitched(float(ap), self._aps(matches, self.times, self._truths))

    def difference(self, kept: Sequence[int], other: Sequence[int], others: np.ndarray | None = None) -> Difference:
        """AP of `kept` less AP of `other`; `others` are `aps(other)` if they are at hand."""
        scorer = self._scorer
        others = self.aps(other) if others is None else others
        low, high = np.percentile(self.aps(kept) - others, INTERVAL)
        return Difference(scorer.ap(kept) - scorer.ap(other), float(low), float(high))

    def _aps(self, matches: Evaluated, times: np.ndarray, truths: np.ndarray) -> np.ndarray:
        aps = class_means(resampled_aps(self._scorer, matches, times, truths))
        return np.where(np.isnan(aps), -1.0, aps)


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
