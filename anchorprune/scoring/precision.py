"""Average precision from matches: COCO's 101 recall thresholds, at ten overlaps."""

import numpy as np

from anchorprune.scoring.compiled import count_bits, kernel
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
def category_sums(t, bits, masks, area, category, precision, out):
    """Sum of the interpolated precision over the recall thresholds, for one category.

    Args:
        t: the tables.
        bits: (W,) uint64, evaluated candidates by position.
        masks: (S,) uint32, their matches by slot, for this area.
        area: 0..3.
        category: 0..K-1.
        precision: (10, most ground truth of a category) float64, scratch.
        out: (10,) float64, the sums; divide by 101 for AP.
    """
    out[:] = 0.0
    begin = t.weight_start[area, category]
    if t.weight_start[area, category + 1] == begin:
        return
    area_bits, slot_position, weights = t.area_bits[area], t.slot_position, t.weights[begin:]
    hits = np.zeros(NUM_THRESHOLDS, np.int64)
    accounted = np.zeros(NUM_THRESHOLDS, np.int64)
    word, before = t.category_word[category], 0
    for slot in range(t.category_slot[category], t.category_slot[category + 1]):
        mask = np.int64(masks[slot])
        if mask == 0:
            continue
        position = np.int64(slot_position[slot])
        while word < position >> 6:
            before += count_bits(bits[word] & area_bits[word])
            word += 1
        shift = np.uint64(63 - (position & 63))
        here = (bits[word] & area_bits[word]) << shift
        seen = before + count_bits(here)
        inside = np.int64(here >> np.uint64(63))  # the box itself lies in the area
        for i in range(NUM_THRESHOLDS):
            hit = (mask >> i) & 1
            hits[i] += hit
            accounted[i] += inside & (hit | (mask >> (NUM_THRESHOLDS + i)))
            if hit:
                false = np.float64(seen - accounted[i])
                precision[i, hits[i] - 1] = hits[i] / (false + hits[i] + 2.220446049250313e-16)
    for i in range(NUM_THRESHOLDS):
        out[i] = interpolated_sum(precision[i], hits[i], weights)


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
