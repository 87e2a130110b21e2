"""COCO's average precision of any subset of a detector's anchors."""

from collections.abc import Sequence
from copy import copy

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.heads.layout import Layout, Subset
from anchorprune.heads.predictions import Predictions
from anchorprune.scoring.curves import Curve, apply_log, copies, nonzero_bits
from anchorprune.scoring.evaluated import Evaluated, category_starts, list_categories
from anchorprune.scoring.matching import match_all
from anchorprune.scoring.pools import Pools
from anchorprune.scoring.prepare import prepare
from anchorprune.scoring.restrict import restricted
from anchorprune.scoring.score import LeftDetections, Score, left_detections
from anchorprune.scoring.tables import AREAS, NUM_THRESHOLDS, RECALL_THRESHOLDS, Tables
from anchorprune.scoring.threads import Threads
from anchorprune.scoring.walker import Walker
from anchorprune.scoring.walks import walk_categories
from anchorprune.scoring.words import Words

TOGETHER = 64  # the most children carried through the images at once


class Scorer:
    """Scores subsets of anchors, exactly: mmdet's post-processing, then pycocotools' AP.

    Made once per predictions file; then a subset takes milliseconds, and one that differs from the subset before in
    an anchor or two takes fewer. Results have the same bits on any number of threads and for any history of calls.

    Attributes:
        images: (I,) bool, which of the annotations' images count.
    """

    def __init__(self, predictions: Predictions, annotations: Annotations, threads: int | None = None):
        self.head = predictions.head
        self.annotations = annotations
        self.threads = Threads(threads)
        self.images = np.ones(len(annotations.images), np.bool_)
        self.tables, self.words, self.pools, self.candidates = prepare(predictions, annotations, self.threads)
        self._start()

    def on(self, images: np.ndarray) -> "Scorer":
        """A scorer of some of the images alone: as of a file of these images, at the cost of a subset or two.

        Args:
            images: (I,) bool.
        """
        other = copy(self)
        other.tables, other.words, other.pools = self.restricted(images)
        other.images = self.images & images
        other._start()
        return other

    def restricted(self, images: np.ndarray) -> tuple[Tables, Words, Pools]:
        """What a scorer of some of the images has; (I,) bool."""
        return restricted(self.tables, self.words, self.pools, self.annotations, self.images & images)

    def _start(self) -> None:
        """No subset has been scored."""
        self._valid = np.diff(self.tables.weight_start, axis=1) > 0
        sizes = np.diff(self.tables.category_word)
        turn = np.argsort(-sizes, kind="stable").astype(np.int64)
        self._categories = [turn[i :: self.threads.count] for i in range(self.threads.count)]
        self._walker = Walker(self.tables, self.words, self.pools, self.threads)
        self._scored: Subset | None = None
        self._sums = np.zeros((len(sizes), NUM_THRESHOLDS))

    def score(self, kept: Sequence[int]) -> Score:
        """All six figures of a subset."""
        self.move_to(kept)
        return Score(*(float(figure) for figure in self._figures()))

    def ap(self, kept: Sequence[int]) -> float:
        """AP alone."""
        self.move_to(kept)
        return self._mean(self._sums, 0)

    def children(self, parent: Sequence[int], subsets: Sequence[Sequence[int]]) -> np.ndarray:
        """AP of subsets that differ from `parent` in a few anchors.

        Returns:
            (len(subsets),) float64, in their order.
        """
        self.move_to(parent)
        wanted = [self._checked(subset) for subset in subsets]
        result = np.empty(len(wanted))
        near = [i for i, subset in enumerate(wanted) if self._walker.is_near(subset)]
        if near:
            for at in range(0, len(near), TOGETHER):
                some = near[at : at + TOGETHER]
                result[some] = self._aps_of_children([wanted[i] for i in some])
        for i in sorted(set(range(len(wanted))) - set(near)):
            result[i] = self.ap(wanted[i])
        return result

    def move_to(self, kept: Sequence[int]) -> None:
        """Make `kept` the subset that `children` start from."""
        subset, walker = self._checked(kept), self._walker
        if subset == self._scored:
            return
        self._scored = None  # should this be interrupted
        if not walker.is_near(subset):
            walker.clear()
        walker.move_to(subset)
        self._sums = self._area_sums(0, walker.curve)
        self._scored = subset

    def evaluated(self, kept: Sequence[int], area: int = 0) -> Evaluated:
        """The evaluated candidates of a subset and their matches in one of COCO's areas (0: all boxes)."""
        self.move_to(kept)
        return self.evaluated_of(self._walker, area)

    def evaluated_of(self, walker: Walker, area: int = 0) -> Evaluated:
        """As `evaluated`, of what a walker of these tables has come to."""
        tables, curve = self.tables, self._area_curve(walker, area)
        start = category_starts(curve.bits, tables.category_word)
        found = Evaluated(start, np.empty(start[-1], np.int32), np.empty(start[-1], np.uint32))
        self.threads.map(lambda part: list_categories(tables, curve, area, part, found), self._categories)
        return found

    def ap_of(self, walker: Walker) -> float:
        """AP of what a walker of these tables has come to."""
        return self._mean(self._area_sums(0, walker.curve), 0)

    def detections(self, kept: Sequence[int]) -> LeftDetections:
        """The boxes a pruned detector gives out: after NMS and max_per_image, before COCO's own limit per category."""
        self.move_to(kept)
        return left_detections(self.tables, self.words, self._walker.state, self.candidates, self.annotations)

    def _checked(self, kept: Sequence[int]) -> Subset:
        return Layout.keep(self.head, kept).kept

    def _aps_of_children(self, subsets: list[Subset]) -> np.ndarray:
        walked, count = self._walker.walk(subsets), self.threads.count
        logs = [log for mine in walked for log in mine]
        everything, result = np.arange(len(self._sums)), np.empty(len(subsets))
        curves = copies(self._walker.curves, min(count, len(subsets)))

        def run(thread: int) -> None:
            sums = np.zeros_like(self._sums)
            for child in range(thread, len(subsets), count):
                for log in logs:
                    apply_log(log, curves[thread], child, len(subsets))
                walk_categories(self.tables, curves[thread], 0, everything, sums)
                for log in logs:
                    apply_log(log, curves[thread], child, len(subsets))
                result[child] = self._mean(sums, 0)

        self.threads.map(run, range(len(curves)))
        return result

    def _area_sums(self, area: int, curve: Curve) -> np.ndarray:
        sums = np.zeros_like(self._sums)
        self.threads.map(lambda part: walk_categories(self.tables, curve, area, part, sums), self._categories)
        return sums

    def _figures(self) -> list[float]:
        first = self._sums[self._valid[0]]
        areas = [
            self._mean(self._area_sums(area, self._area_curve(self._walker, area)), area)
            for area in range(1, len(AREAS))
        ]
        at = [_average(first[:, i], self._valid[0]) for i in (0, 5)]
        return [self._mean(self._sums, 0), *at, *areas]

    def _area_curve(self, walker: Walker, area: int) -> Curve:
        if area == 0:
            return walker.curve
        base, masks = walker.state, np.zeros_like(walker.curve.masks)
        given = self.tables, self.words, base.counted_rows, base.taken, area, masks
        blocks = self.threads.blocks(self.tables.group_start)
        self.threads.map(lambda block: match_all(*given, *block), blocks)
        return Curve(walker.curve.bits, masks, nonzero_bits(masks))

    def _mean(self, sums: np.ndarray, area: int) -> float:
        return _average(sums[self._valid[area]], self._valid[area])


def _average(sums: np.ndarray, valid: np.ndarray) -> float:
    return float(np.mean(sums)) / len(RECALL_THRESHOLDS) if valid.any() else -1.0
