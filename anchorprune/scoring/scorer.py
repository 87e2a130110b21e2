"""COCO's average precision of any subset of a detector's anchors."""

from collections.abc import Sequence
from copy import copy

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.heads.layout import Layout, Subset
from anchorprune.heads.predictions import Predictions
from anchorprune.scoring.curves import Curve, Log, apply_log, change, copies, empty_curve, long_enough, nonzero_bits
from anchorprune.scoring.evaluated import Evaluated, evaluated
from anchorprune.scoring.matching import match_all
from anchorprune.scoring.prepare import prepare
from anchorprune.scoring.restrict import restricted
from anchorprune.scoring.score import LeftDetections, Score, left_detections
from anchorprune.scoring.state import State, clear, empty_state, with_own_scratch
from anchorprune.scoring.tables import AREAS, NUM_THRESHOLDS, RECALL_THRESHOLDS, blocks_of
from anchorprune.scoring.threads import Threads
from anchorprune.scoring.toggles import is_near, toggles_of
from anchorprune.scoring.walks import walk_categories, walk_images

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
        other.images = self.images & images
        given = self.tables, self.words, self.pools
        other.tables, other.words, other.pools = restricted(*given, self.annotations, other.images)
        other._start()
        return other

    def _start(self) -> None:
        """No subset has been scored."""
        self._valid = np.diff(self.tables.weight_start, axis=1) > 0
        sizes = np.diff(self.tables.category_word)
        turn = np.argsort(-sizes, kind="stable").astype(np.int64)
        self._categories = [turn[i :: self.threads.count] for i in range(self.threads.count)]
        self._blocks = self.threads.blocks(blocks_of(self.tables.image_start))
        given = self.tables, self.words, self.pools
        self._states = [empty_state(*given)]
        self._states += [with_own_scratch(self._states[0], *given) for _ in self._blocks[1:]]
        self._curves = [empty_curve(self.tables)]
        self._logs: list[list[Log]] = [[] for _ in self._blocks]
        self._parent: Subset | None = None
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
        near = [i for i, subset in enumerate(wanted) if is_near(subset, self._parent, self.head.num_anchors)]
        if near:
            for at in range(0, len(near), TOGETHER):
                some = near[at : at + TOGETHER]
                result[some] = self._aps_of_children([wanted[i] for i in some])
        for i in sorted(set(range(len(wanted))) - set(near)):
            result[i] = self.ap(wanted[i])
        return result

    def move_to(self, kept: Sequence[int]) -> None:
        """Make `kept` the subset that `children` start from."""
        subset = self._checked(kept)
        if subset == self._parent:
            return
        parent = self._parent
        if not is_near(subset, parent, self.head.num_anchors):
            parent = ()
            clear(self._states[0])
            for array in self._curves[0]:
                array[:] = 0
        toggles = toggles_of([subset], parent)
        self._parent = None  # should the walk be interrupted
        change(self._curves[0], self._walk([subset], toggles, keep=True), self.threads)
        self._sums = self._area_sums(0, self._curves[0])
        self._parent = subset

    def state_of(self, kept: Sequence[int]) -> State:
        """The kernels' own view of a subset; it changes with the next call."""
        self.move_to(kept)
        return self._states[0]

    def evaluated(self, kept: Sequence[int], area: int = 0) -> Evaluated:
        """The evaluated candidates of a subset and their matches in one of COCO's areas (0: all boxes)."""
        counted = self.state_of(kept).counted
        masks = (self._area_curve(area) if area else self._curves[0]).masks
        return evaluated(self.tables, self.words, counted, masks, area, self.threads)

    def detections(self, kept: Sequence[int]) -> LeftDetections:
        """The boxes a pruned detector gives out: after NMS and max_per_image, before COCO's own limit per category."""
        self.move_to(kept)
        return left_detections(self.tables, self.words, self._states[0], self.candidates, self.annotations)

    def _checked(self, kept: Sequence[int]) -> Subset:
        return Layout.keep(self.head, kept).kept

    def _walk(self, subsets: list[Subset], toggles: np.ndarray, keep: bool) -> list[list[Log]]:
        """Carry the images through the subsets; what it does to the curves, in each thread's logs.

        The next walk overwrites them.
        """

        def run(thread: int) -> list[Log]:
            (block, end), own, used = self._blocks[thread], self._logs[thread], []
            while block < end:
                pieces = len(subsets) * (end - block)
                log = long_enough(own, len(used), self.tables, len(subsets), pieces)
                given = self.tables, self.words, self.pools, self._states[thread], toggles
                block = walk_images(*given, block, end, keep, log)
                used.append(log)
            return used

        return self.threads.map(run, range(len(self._blocks)))

    def _aps_of_children(self, subsets: list[Subset]) -> np.ndarray:
        walked, count = self._walk(subsets, toggles_of(subsets, self._parent), keep=False), self.threads.count
        logs = [log for mine in walked for log in mine]
        everything, result = np.arange(len(self._sums)), np.empty(len(subsets))
        curves = copies(self._curves, min(count, len(subsets)))

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
        areas = [self._mean(self._area_sums(area, self._area_curve(area)), area) for area in range(1, len(AREAS))]
        at = [_average(first[:, i], self._valid[0]) for i in (0, 5)]
        return [self._mean(self._sums, 0), *at, *areas]

    def _area_curve(self, area: int) -> Curve:
        base, masks = self._states[0], np.zeros_like(self._curves[0].masks)
        given = self.tables, self.words, base.counted_rows, base.taken, area, masks
        blocks = self.threads.blocks(self.tables.group_start)
        self.threads.map(lambda block: match_all(*given, *block), blocks)
        return Curve(self._curves[0].bits, masks, nonzero_bits(masks))

    def _mean(self, sums: np.ndarray, area: int) -> float:
        return _average(sums[self._valid[area]], self._valid[area])


def _average(sums: np.ndarray, valid: np.ndarray) -> float:
    return float(np.mean(sums)) / len(RECALL_THRESHOLDS) if valid.any() else -1.0
