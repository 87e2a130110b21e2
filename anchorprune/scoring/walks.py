"""What a thread runs: blocks of images through all children, then children's curves and precision."""

from anchorprune.scoring.changes import settle
from anchorprune.scoring.compiled import fetch, kernel
from anchorprune.scoring.curves import write_log
from anchorprune.scoring.limit import limit_pools
from anchorprune.scoring.pools import NOTHING
from anchorprune.scoring.precision import category_sums, scratch
from anchorprune.scoring.suppress import toggle_anchor
from anchorprune.scoring.tables import BLOCK
from anchorprune.scoring.undo import forget, undo
from anchorprune.scoring.words import WORD


@kernel
def walk_images(t, w, p, s, toggles, first, end, keep, log):
    """Carry blocks first..end through every child, logging what it does to the curves.

    Args:
        t: the tables.
        w: the words.
        p: the pools.
        s: the parent's state, with this thread's scratch.
        toggles: (C, D) int32, the anchors in which a child differs from the parent, NOTHING beyond the last.
        first: first block.
        end: one past the last block.
        keep: stay at the (single) child instead of going back.
        log: out.

    Returns:
        The first block that did not fit the log, or `end`.
    """
    children, anchors, ends, limited = len(toggles), len(t.level), log.ends, len(p.bit) > 0
    log.used[0] = 0
    for block in range(first, end):
        low, high = block * BLOCK, min((block + 1) * BLOCK, len(t.image_start) - 1)
        rows = t.group_row[t.image_group[low]], t.group_row[t.image_group[high]]
        positions = ends[log.used[0], 0] + children * (t.image_start[high] - t.image_start[low])
        slots = ends[log.used[0], 1] + children * (rows[1] - rows[0])
        if positions > len(log.position) or slots > len(log.slot):
            return block
        base, shift = w.image_word[low], w.row_word[block] * WORD - rows[0]
        fetch_covers(w.rows_at, w.covers, base, w.image_word[high])
        for child in range(children):
            for i in range(toggles.shape[1]):
                if toggles[child, i] != NOTHING:
                    toggle_anchor(w, s, block * anchors + toggles[child, i], base)
            if limited:
                for image in range(low, high):
                    limit_pools(p, w, s, toggles, child, image, base, keep)
            settle(t, w, s, base, shift, keep)
            write_log(t, w, s, log)
            if keep:
                forget(s)
            else:
                undo(s, shift)
    return end


@kernel
def fetch_covers(rows_at, covers, first, end):
    """Have what NMS reads of the words first..end brought into the processor's cache, all at once."""
    for word in range(first, end):
        if rows_at[word] >= 0:
            for line in range(rows_at[word], min(rows_at[word] + WORD, len(covers)), 8):
                fetch(covers, line)


@kernel
def walk_categories(t, curve, area, categories, sums):
    """Fill rows of `sums` (K, 10) for the listed categories."""
    space = scratch(t)
    for i in range(len(categories)):
        category_sums(t, curve, area, categories[i], space, sums[categories[i]])
