"""What a thread runs: blocks of images through all children, then children's curves and precision."""

import numpy as np

from anchorprune.scoring.changes import settle
from anchorprune.scoring.compiled import kernel
from anchorprune.scoring.curves import write_log
from anchorprune.scoring.precision import category_sums, scratch
from anchorprune.scoring.suppress import mark_anchor, mark_range
from anchorprune.scoring.tables import BLOCK
from anchorprune.scoring.undo import forget, undo

EVERYTHING, NOTHING = -2, -1  # toggles that are no anchor


@kernel
def walk_images(t, s, kept, toggles, first, end, keep, log):
    """Carry blocks first..end through every child, logging what it does to the curves.

    Args:
        t: the tables.
        s: the parent's state, with this thread's scratch.
        kept: (C, A+1) uint8, 1 for each child's anchors; the last column is 0.
        toggles: (C, D) int32, the anchors in which a child differs from the parent, NOTHING beyond the last;
            EVERYTHING if the state is empty, and the parent with it.
        first: first block.
        end: one past the last block.
        keep: stay at the (single) child instead of going back.
        log: out.

    Returns:
        The first block that did not fit the log, or `end`.
    """
    used = np.zeros(len(t.level) + 1, np.int64)
    children, ends = len(kept), log.ends
    log.used[0] = 0
    for block in range(first, end):
        low, high = block * BLOCK, min((block + 1) * BLOCK, len(t.image_start) - 1)
        candidates = t.image_start[high] - t.image_start[low]
        rows = t.group_row[t.image_group[high]] - t.group_row[t.image_group[low]]
        positions, slots = ends[log.used[0], 0] + children * candidates, ends[log.used[0], 1] + children * rows
        if positions > len(log.position) or slots > len(log.slot):
            return block
        for child in range(children):
            slow = False
            for i in range(toggles.shape[1]):
                if toggles[child, i] == EVERYTHING:
                    mark_range(s.pending, 0, candidates)
                    slow = True
                elif toggles[child, i] != NOTHING:
                    slow |= mark_anchor(t, s, kept[child], toggles[child, i], block, low, high)
            settle(t, s, kept[child], low, high, slow, used)
            write_log(t, s, log)
            if keep:
                forget(s)
            else:
                undo(t, s)
    return end


@kernel
def walk_categories(t, curve, area, categories, sums):
    """Fill rows of `sums` (K, 10) for the listed categories."""
    space = scratch(t)
    for i in range(len(categories)):
        category_sums(t, curve, area, categories[i], space, sums[categories[i]])
