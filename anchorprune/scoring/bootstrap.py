"""How sure an AP difference is: a paired bootstrap over images, on matches that are made once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from anchorprune.scoring.ground_truth import sort_truth
from anchorprune.scoring.resampling import resampled_aps
from anchorprune.scoring.scorer import Scorer
from anchorprune.scoring.tables import COUNTED, RECALL_THRESHOLDS

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
        times: (resamples, images) int32, how often each image is drawn.
    """

    def __init__(self, scorer: Scorer, resamples: int = RESAMPLES, seed: int = 0):
        images = np.flatnonzero(scorer.images)
        rng = np.random.default_rng([seed, len(images)])
        self._scorer = scorer
        self.times = np.zeros((resamples, len(scorer.images)), np.int32)
        for times in self.times:
            times[images] = np.bincount(rng.integers(0, len(images), len(images)), minlength=len(images))
        self._truths = self._truths_of(self.times)
        once = scorer.images.astype(np.int32)[None]
        self._once = once, self._truths_of(once)

    def aps(self, kept: Sequence[int]) -> np.ndarray:
        """(resamples,) float64: the subset's AP on each resample; -1 where a resample has no ground truth."""
        return self._aps(_evaluated(self._scorer, kept), self.times, self._truths)

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
            mine = np.array([tuple(one) == subset for one in subsets])[which]
            part = _evaluated(self._scorer, subset)
            parts.append(_Evaluated(*(values[mine[part.image]] for values in part)))
        joined = _Evaluated(*(np.concatenate(values) for values in zip(*parts, strict=True)))
        order = np.argsort(joined.position)
        matches = _Evaluated(*(values[order] for values in joined))
        ap = self._aps(matches, *self._once)[0]
        return Stitched(float(ap), self._aps(matches, self.times, self._truths))

    def difference(self, kept: Sequence[int], other: Sequence[int], others: np.ndarray | None = None) -> Difference:
        """AP of `kept` less AP of `other`; `others` are `aps(other)` if they are at hand."""
        scorer = self._scorer
        others = self.aps(other) if others is None else others
        low, high = np.percentile(self.aps(kept) - others, INTERVAL)
        return Difference(scorer.ap(kept) - scorer.ap(other), float(low), float(high))

    def _truths_of(self, resamples: np.ndarray) -> np.ndarray:
        """(R, K) int64, ground-truth boxes of each resample."""
        truth = sort_truth(self._scorer.annotations)
        counts = truth.flags & 1 == 0
        image, category = truth.image[counts], truth.category[counts]
        categories = len(self._scorer.annotations.category_ids)
        return np.stack([np.bincount(category, times[image], categories).astype(np.int64) for times in resamples])

    def _aps(self, matches: "_Evaluated", resamples: np.ndarray, truths: np.ndarray) -> np.ndarray:
        start = np.searchsorted(matches.position, self._scorer.tables.category_word * 64).astype(np.int64)
        result, times = np.empty(len(resamples)), np.ascontiguousarray(resamples.T)
        threads = self._scorer.threads

        def run(first: int) -> None:
            resampled_aps(
                matches.image, matches.mask, start, times, truths, RECALL_THRESHOLDS, first, threads.count, result
            )

        threads.map(run, range(threads.count))
        return result


class _Evaluated(NamedTuple):
    """Evaluated candidates by position."""

    position: np.ndarray  # (D,) int32
    image: np.ndarray  # (D,) int32
    mask: np.ndarray  # (D,) uint32


def _evaluated(scorer: Scorer, kept: Sequence[int]) -> _Evaluated:
    t, state = scorer.tables, scorer.state_of(kept)
    index = np.flatnonzero(state.flags & COUNTED)
    index = index[np.argsort(t.position[index])]
    row = t.match_row[index]
    mask = np.zeros(len(index), np.uint32)
    mask[row >= 0] = state.matches[row[row >= 0]]
    return _Evaluated(t.position[index], t.group_image[t.group_of[index]], mask)
