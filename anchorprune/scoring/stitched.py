"""Detections that come from several subsets of anchors, each image's from one of them."""

from collections.abc import Sequence

import numpy as np

from anchorprune.heads.layout import Layout, Subset
from anchorprune.scoring.evaluated import Evaluated
from anchorprune.scoring.scorer import Scorer
from anchorprune.scoring.walker import Walker


class StitchedScorer:
    """Scores stitched detections; those that differ from the ones before in few anchors take a fraction of the time.

    Attributes:
        whole: the scorer of all the images.
    """

    def __init__(self, whole: Scorer, which: np.ndarray, parts: int):
        """Divide the images.

        Args:
            whole: a scorer of all of them.
            which: (I,) int, the part that each image belongs to, 0..parts-1.
            parts: how many subsets there are.
        """
        self.whole = whole
        self._walkers: list[Walker] = []
        for part in range(parts):
            beside = self._walkers[0] if self._walkers else None
            self._walkers.append(Walker(*whole.restricted(which == part), whole.threads, beside))

    def ap(self, subsets: Sequence[Sequence[int]]) -> float:
        """AP of the detections that each image has by its subset."""
        self._move_to(subsets)
        return self.whole.ap_of(self._walkers[0])

    def evaluated(self, subsets: Sequence[Sequence[int]]) -> Evaluated:
        """The evaluated candidates and their matches."""
        self._move_to(subsets)
        return self.whole.evaluated_of(self._walkers[0])

    def _move_to(self, subsets: Sequence[Sequence[int]]) -> None:
        wanted: list[Subset] = [Layout.keep(self.whole.head, kept).kept for kept in subsets]
        pairs = list(zip(self._walkers, wanted, strict=True))
        if not all(walker.subset == subset or walker.is_near(subset) for walker, subset in pairs):
            for walker in self._walkers:
                walker.clear()
        for walker, subset in pairs:
            if walker.subset != subset:
                walker.move_to(subset)
