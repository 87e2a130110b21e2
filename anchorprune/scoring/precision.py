"""Average precision from matches: COCO's 101 recall thresholds, at ten overlaps."""

import numpy as np

from anchorprune.scoring.compiled import count_bits, first_bit, kernel
from anchorprune.scoring.tables import NUM_THRESHOLDS, RECALL_THRESHOLDS


def recall_weights(truths: int) -> np.ndarray:
    """How many recall thresholds the n-th true positive of a category is the first to reach.

    Args:
        truths: ground-truth boxes of the category, at least one.

    Returns:
        (truths + 1,) int32; entry 0 is never used: threshold 0 belongs to the first true positive.
    """
    reached = np.searchsorted(np.arange(1, truths + 1) / truths, RECALL_THRESHOLDS, side="left") + 1
    return np.bincount(reached, minlength=truths + 1).astype(np.int32)


@kernel
def scratch(t):
    """Space for one category: (seen, inside, mask) of its matched candidates, false positives and precision."""
    slots = 1
    for category in range(len(t.category_slot) - 1):
        slots = max(slots, t.category_slot[category + 1] - t.category_slot[category])
    seen, inside, mask = np.empty(slots, np.int32), np.empty(slots, np.int32), np.empty(slots, np.uint32)
    return seen, inside, mask, np.empty(slots + 1, np.int32), np.empty(slots + 1, np.float64)


@kernel
def category_sums(t, curve, area, category, space, out):
    """Sum of the interpolated precision over the recall thresholds, for one category.

    Args:
        t: the tables.
        curve: the subset's curve, with the masks of this area.
        area: 0..3.
        category: 0..K-1.
        space: from `scratch`.
        out: (10,) float64, the sums; divide by 101 for AP.
    """
    out[:] = 0.0
    begin = t.weight_start[area, category]
    if t.weight_start[area, category + 1] == begin:
        return
    seen, inside, mask, false, precision = space
    found = matched_candidates(t, curve, area, category, seen, inside, mask)
    weights = t.weights[begin:]
    for i in range(NUM_THRESHOLDS):
        hits = false_before(i, found, seen, inside, mask, false)
        for n in range(hits):
            precision[n] = (n + 1) / (np.float64(false[n]) + (n + 1) + 2.220446049250313e-16)
        out[i] = interpolated_sum(precision, hits, weights)


@kernel
def matched_candidates(t, curve, area, category, seen, inside, mask):
    """Walk a category's matched candidates, best score first.

    Args:
        t: the tables.
        curve: the subset's curve.
        area: 0..3.
        category: 0..K-1.
        seen: out: candidates of the area evaluated so far, this one included.
        inside: out: 1 if the candidate's own box lies in the area, and it counts among `seen`.
        mask: out: its matches.

    Returns:
        How many there are.
    """
    bits, masks, matched = curve.bits, curve.masks, curve.matched
    area_bits, slot_position = t.area_bits[area], t.slot_position
    first, end = t.category_slot[category], t.category_slot[category + 1]
    word, before, found = t.category_word[category], 0, 0
    for slots in range(first >> 6, (end + 63) >> 6):
        left = matched[slots]
        while left:
            slot = np.int64(slots << 6) + first_bit(left)
            left &= left - np.uint64(1)
            if slot < first or slot >= end:
                continue
            position = np.int64(slot_position[slot])
            while word < position >> 6:
                before += count_bits(bits[word] & area_bits[word])
                word += 1
            here = (bits[word] & area_bits[word]) << np.uint64(63 - (position & 63))
            seen[found] = before + count_bits(here)
            inside[found] = here >> np.uint64(63)
            mask[found] = masks[slot]
            found += 1
    return found


@kernel
def false_before(threshold, found, seen, inside, mask, false):
    """Fill `false` with the false positives before each true positive at a threshold, and return how many there are."""
    hits, accounted = 0, 0
    for m in range(found):
        hit = np.int64(mask[m] >> np.uint32(threshold)) & 1
        ignored = np.int64(mask[m] >> np.uint32(NUM_THRESHOLDS + threshold)) & 1
        accounted += inside[m] & (hit | ignored)
        false[hits] = seen[m] - accounted  # overwritten by the next candidate unless this one hits
        hits += hit
    return hits


@kernel
def interpolated_sum(precision, hits, weights):
    """Sum over recall thresholds of the best precision at that recall or beyond.

    Args:
        precision: (>= hits,) float64 at each true positive, best score first.
        hits: true positives.
        weights: `recall_weights` of the category.
    """
    best, total = 0.0, 0.0
    for n in range(hits, 0, -1):
        best = max(best, precision[n - 1])
        total += weights[n] * best
    return total
