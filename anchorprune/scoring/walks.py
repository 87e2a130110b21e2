"""What a thread runs: a block of images from nothing, a list of categories' precision, a list of children."""

import numpy as np

from anchorprune.scoring.changes import forget, settle, touch_anchor, touch_image, undo
from anchorprune.scoring.compiled import kernel
from anchorprune.scoring.precision import category_sums
from anchorprune.scoring.tables import NUM_THRESHOLDS

BLOCK = 32  # images carried through all steps together: their flags stay in the processor's cache


@kernel
def walk_images(t, s, kept, first, end):
    """Detections and matches of images first..end, from a state that is empty there.

    Args:
        t: the tables.
        s: the state; threads share its arrays over candidates and images, but each has its own `bits` and logs.
        kept: (A+1,) uint8, 1 for kept anchors; the last is 0.
        first: first image.
        end: one past the last image.
    """
    used = np.zeros(len(t.level) + 1, np.int64)
    for block in range(first, end, BLOCK):
        for image in range(block, min(block + BLOCK, end)):
            touch_image(t, s, image)
        settle(t, s, kept, used)
        forget(s)


@kernel
def walk_categories(t, bits, masks, area, categories, sums):
    """Fill rows of `sums` (K, 10) for the listed categories."""
    precision = np.empty((NUM_THRESHOLDS, most_truths(t)), np.float64)
    for i in range(len(categories)):
        category_sums(t, bits, masks, area, categories[i], precision, sums[categories[i]])


@kernel
def most_truths(t):
    """Scratch length: the most ground-truth boxes any category has, and one."""
    most = 1
    for area in range(4):
        for category in range(t.weight_start.shape[1] - 1):
            most = max(most, t.weight_start[area, category + 1] - t.weight_start[area, category])
    return most


@kernel
def walk_children(t, s, kept, toggles, parent_sums, first, step, keep, sums):
    """Score children first, first + step, ... of the state's subset; the state is as before afterwards.

    Args:
        t: the tables.
        s: the parent's state, this thread's own.
        kept: (C, A+1) uint8, each child's anchors.
        toggles: (C, D) int32, the anchors in which a child differs from the parent, -1 beyond the last.
        parent_sums: (K, 10) float64.
        first: this thread's first child.
        step: number of threads.
        keep: stay at the (single) child instead of going back.
        sums: (C, K, 10) float64, the result.
    """
    used = np.zeros(len(t.level) + 1, np.int64)
    precision = np.empty((NUM_THRESHOLDS, most_truths(t)), np.float64)
    for child in range(first, len(kept), step):
        for i in range(toggles.shape[1]):
            if toggles[child, i] >= 0:
                touch_anchor(t, s, kept[child], toggles[child, i])
        settle(t, s, kept[child], used)
        sums[child] = parent_sums
        for category in range(len(s.dirty)):
            if s.dirty[category]:
                category_sums(t, s.bits, s.masks, 0, category, precision, sums[child, category])
        if keep:
            forget(s)
        else:
            undo(t, s)
