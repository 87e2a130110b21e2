"""Kernels that redo NMS where it can differ: marked candidates, and from them on along the suppression graph."""

import numpy as np

from anchorprune.scoring.compiled import first_bit, kernel
from anchorprune.scoring.state import FLIPS
from anchorprune.scoring.tables import ALIVE, OVER


@kernel
def mark_anchor(t, s, kept, anchor, block, low, high):
    """Mark what can change in a block, images low..high, when `anchor` was just removed from, or added to, `kept`.

    Returns:
        Whether the block's slow images can change.
    """
    added, anchor_list, flags, pending, base = kept[anchor] != 0, t.anchor_list, s.flags, s.pending, t.image_start[low]
    begin, end = t.block_anchor[block, anchor], t.block_anchor[block + 1, anchor]
    for i in range(begin, end):
        j = anchor_list[i]
        pending[(j - base) >> 6] |= np.uint64(added or flags[j] & ALIVE) << np.uint64((j - base) & 63)
    return begin < end and (t.agnostic or t.nms_pre >= 0)


@kernel
def mark_range(pending, first, end):
    """Mark candidates first..end, counted from the block's first."""
    for i in range(first, end):
        pending[i >> 6] |= np.uint64(1) << np.uint64(i & 63)


@kernel
def flip(j, bits, flags, log, log_bits, count):
    """Toggle flag bits of a candidate, logged."""
    flags[j] ^= bits
    at = count[FLIPS]
    log[at] = j
    log_bits[at] = bits
    count[FLIPS] = at + 1


@kernel
def suppress_groups(t, s, kept, base, size):
    """Redo NMS of the marked candidates, and of those their change changes, which stand behind them."""
    edge_start, edges, live_anchor = t.edge_start, t.edges, t.live_anchor
    flags, covers, pending, log, log_bits, count = s.flags, s.covers, s.pending, s.flip, s.flip_bits, s.count
    for word in range((size + 63) >> 6):
        while pending[word]:
            j = base + (word << 6) + first_bit(pending[word])
            pending[word] &= pending[word] - np.uint64(1)
            alive = 0
            if kept[live_anchor[j]] and covers[j] == 0 and not flags[j] & OVER:
                alive = ALIVE
            if alive == flags[j] & ALIVE:
                continue
            flip(j, ALIVE, flags, log, log_bits, count)
            # Few edges change anything, so a branch is cheaper here than writing to `pending` for each.
            if alive:
                for e in range(edge_start[j], edge_start[j + 1]):
                    k = j + edges[e]
                    covers[k] += np.uint16(1)
                    if flags[k] & ALIVE:
                        pending[(k - base) >> 6] |= np.uint64(1) << np.uint64((k - base) & 63)
            else:
                for e in range(edge_start[j], edge_start[j + 1]):
                    k = j + edges[e]
                    covers[k] -= np.uint16(1)
                    if covers[k] == 0:
                        pending[(k - base) >> 6] |= np.uint64(1) << np.uint64((k - base) & 63)


@kernel
def suppress_image(t, s, kept, image):
    """Redo NMS over all categories of an image; edges and covers are by rank here."""
    start = t.image_start[image]
    s.covers[start : t.image_start[image + 1]] = 0
    for at in range(start, t.image_start[image + 1]):
        j = start + t.order[at]
        alive = ALIVE if kept[t.live_anchor[j]] and s.covers[at] == 0 and not s.flags[j] & OVER else 0
        if alive != s.flags[j] & ALIVE:
            flip(j, ALIVE, s.flags, s.flip, s.flip_bits, s.count)
        if alive:
            for e in range(t.edge_start[at], t.edge_start[at + 1]):
                s.covers[at + t.edges[e]] += np.uint16(1)


@kernel
def limit_levels(t, s, kept, image, used):
    """Flag the kept anchors' candidates beyond each level's best `nms_pre`; `used` is scratch, one int per level."""
    used[:] = 0
    start = t.image_start[image]
    for at in range(start, t.image_start[image + 1]):
        j = start + t.order[at]
        over = False
        if kept[t.anchor[j]]:
            level = t.level[t.anchor[j]]
            over = used[level] >= t.nms_pre
            used[level] += 1
        if over != (s.flags[j] & OVER != 0):
            flip(j, OVER, s.flags, s.flip, s.flip_bits, s.count)
