"""COCO's average precision of any subset of a detector's anchors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.layout import Layout
from anchorprune.predictions import Predictions
from anchorprune.scoring.changes import forget
from anchorprune.scoring.matching import match_all
from anchorprune.scoring.prepare import prepare
from anchorprune.scoring.tables import ALIVE, AREAS, NUM_THRESHOLDS, RECALL_THRESHOLDS, State, empty_state
from anchorprune.scoring.threads import Threads
from anchorprune.scoring.walks import walk_categories, walk_children, walk_images

Subset = tuple[int, ...]
NEAR = 4  # a subset that differs in more anchors than this is scored from nothing


@dataclass(frozen=True)
class Score:
    """COCO's average precisions, 0..1; -1 where no ground truth counts, as pycocotools gives it."""

    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float


@dataclass(frozen=True)
class Detections:
    """What a pruned detector's post-processing leaves, by image, then falling score.

    Attributes:
        image_id: (D,) int64.
        category_id: (D,) int32.
        anchor: (D,) int16.
        score: (D,) float32.
        boxes: (D, 4) float32, x1 y1 x2 y2, pixels of the original image.
    """

    image_id: np.ndarray
    category_id: np.ndarray
    anchor: np.ndarray
    score: np.ndarray
    boxes: np.ndarray


class Scorer:
    """Scores subsets of anchors, exactly: mmdet's post-processing, then pycocotools' AP.

    Made once per predictions file; then a subset takes milliseconds, and one that differs from the subset before in
    an anchor or two takes fewer. Results have the same bits on any number of threads and for any history of calls.
    """

    def __init__(self, predictions: Predictions, annotations: Annotations, threads: int | None = None):
        self.head = predictions.head
        self.annotations = annotations
        self.threads = Threads(threads)
        self.tables, self.candidates = prepare(predictions, annotations, self.threads)
        self._valid = np.diff(self.tables.weight_start, axis=1) > 0
        sizes = np.diff(self.tables.category_word)
        turn = np.argsort(-sizes, kind="stable").astype(np.int64)
        self._categories = [turn[i :: self.threads.count] for i in range(self.threads.count)]
        self._image_blocks = self.threads.blocks(self.tables.image_start)
        self._states = [empty_state(self.tables)]
        self._parent: Subset | None = None
        self._synced = 0
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
        near = [i for i, subset in enumerate(wanted) if len(set(subset) ^ set(self._parent)) <= NEAR]
        if near:
            sums = self._walk_children([wanted[i] for i in near], keep=False)
            result[near] = [self._mean(one, 0) for one in sums]
        for i in sorted(set(range(len(wanted))) - set(near)):
            result[i] = self.ap(wanted[i])
        return result

    def move_to(self, kept: Sequence[int]) -> None:
        """Make `kept` the subset that `children` start from."""
        subset = self._checked(kept)
        if subset == self._parent:
            return
        near = self._parent is not None and len(set(subset) ^ set(self._parent)) <= NEAR
        if near:
            self._sums = self._walk_children([subset], keep=True)[0]
        else:
            self._score_from_nothing(subset)
        self._parent = subset

    def state_of(self, kept: Sequence[int]) -> State:
        """The kernels' own view of a subset; it changes with the next call."""
        self.move_to(kept)
        return self._states[0]

    def detections(self, kept: Sequence[int]) -> Detections:
        """The boxes a pruned detector gives out: after NMS and max_per_image, before COCO's own limit per category."""
        self.move_to(kept)
        t, s, c = self.tables, self._states[0], self.candidates
        left = (s.flags & ALIVE != 0) & (t.rank <= s.cut[c.image])
        index = np.flatnonzero(left)
        index = index[np.lexsort((t.rank[index], c.image[index]))]
        image_id, category_id = self.annotations.image_ids, self.annotations.category_ids
        return Detections(
            image_id[c.image[index]], category_id[c.category[index]], c.anchor[index], c.score[index], c.boxes[index]
        )

    def _checked(self, kept: Sequence[int]) -> Subset:
        return Layout.keep(self.head, kept).kept

    def _mask(self, subset: Subset) -> np.ndarray:
        mask = np.zeros(self.head.num_anchors + 1, np.uint8)
        mask[list(subset)] = 1
        return mask

    def _score_from_nothing(self, subset: Subset) -> None:
        base, mask = self._states[0], self._mask(subset)
        for array in (base.flags, base.bits, base.masks, base.alive):
            array[:] = 0
        base.cut[:] = 2**31 - 1
        own = [base] + [_private(base) for _ in self._image_blocks[1:]]
        jobs = list(zip(own, self._image_blocks, strict=True))
        self.threads.map(lambda job: walk_images(self.tables, job[0], mask, *job[1]), jobs)
        for state in own[1:]:
            base.bits[:] |= state.bits
        forget(base)
        self._sums = self._area_sums(0, base.masks)
        self._synced = 1

    def _area_sums(self, area: int, masks: np.ndarray) -> np.ndarray:
        sums = np.zeros_like(self._sums)
        bits = self._states[0].bits
        self.threads.map(lambda part: walk_categories(self.tables, bits, masks, area, part, sums), self._categories)
        return sums

    def _walk_children(self, subsets: list[Subset], keep: bool) -> np.ndarray:
        t, count = self.tables, self.threads.count
        masks = np.stack([self._mask(subset) for subset in subsets])
        toggles = np.full((len(subsets), NEAR), -1, np.int32)
        for row, subset in zip(toggles, subsets, strict=True):
            different = sorted(set(subset) ^ set(self._parent))
            row[: len(different)] = different
        states = self._ready_states(1 if len(subsets) == 1 and not keep else count)
        step = 1 if keep else len(states)
        sums = np.empty((len(states) if keep else 1, len(subsets), *self._sums.shape))

        def run(i: int) -> None:
            first, out = (0, sums[i]) if keep else (i, sums[0])
            walk_children(t, states[i], masks, toggles, self._sums, first, step, keep, out)

        self.threads.map(run, range(len(states)))
        return sums[0]

    def _ready_states(self, count: int) -> list[State]:
        """The first states, all holding the parent."""
        while len(self._states) < count:
            self._states.append(empty_state(self.tables))
        base = self._states[0]
        for state in self._states[self._synced : count]:
            for name in ("flags", "bits", "masks", "alive", "cut"):
                getattr(state, name)[:] = getattr(base, name)
        self._synced = max(self._synced, count)
        return self._states[: self._synced]

    def _figures(self) -> list[float]:
        first = self._sums[self._valid[0]]
        areas = [self._mean(self._area_sums(area, self._area_masks(area)), area) for area in range(1, len(AREAS))]
        at = [_average(first[:, i], self._valid[0]) for i in (0, 5)]
        return [self._mean(self._sums, 0), *at, *areas]

    def _area_masks(self, area: int) -> np.ndarray:
        t, base = self.tables, self._states[0]
        masks = np.zeros_like(base.masks)
        blocks = self.threads.blocks(t.group_start)
        self.threads.map(lambda block: match_all(t, base.flags, base.taken, area, masks, *block), blocks)
        return masks

    def _mean(self, sums: np.ndarray, area: int) -> float:
        return _average(sums[self._valid[area]], self._valid[area])


def _average(sums: np.ndarray, valid: np.ndarray) -> float:
    return float(np.mean(sums)) / len(RECALL_THRESHOLDS) if valid.any() else -1.0


def _private(base: State) -> State:
    """A state that shares what belongs to candidates, images and groups, with bits and logs of its own."""
    return base._replace(
        bits=np.zeros_like(base.bits),
        touched=np.empty_like(base.touched),
        images=np.empty_like(base.images),
        dirty=np.zeros_like(base.dirty),
        flip=np.empty_like(base.flip),
        flip_bits=np.empty_like(base.flip_bits),
        slot_log=np.empty_like(base.slot_log),
        mask_log=np.empty_like(base.mask_log),
        image_log=np.empty_like(base.image_log),
        count=np.zeros_like(base.count),
    )
