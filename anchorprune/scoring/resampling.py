"""Kernels that score resamples of the images, from matches made once."""

import numpy as np

from anchorprune.scoring.compiled import kernel
from anchorprune.scoring.tables import NUM_THRESHOLDS

RESAMPLES_TOGETHER = 16  # resamples that share one walk over the candidates


@kernel
def resampled_aps(image, mask, start, times, truths, recalls, first, step, result):
    """AP of the first, (first + step)-th, ... block of resamples.

    Args:
        image: (D,) int32, image of each evaluated candidate, by category, then falling score.
        mask: (D,) uint32, bit t true positive at threshold t, bit 10 + t ignored at t.
        start: (K+1,) int64, each category's candidates.
        times: (I, R) int32, how often each image is drawn.
        truths: (R, K) int64, ground-truth boxes of each resample.
        recalls: (101,) float64.
        first: this thread's first block.
        step: number of threads.
        result: (R,) float64, out.
    """
    longest = 1
    for k in range(len(start) - 1):
        longest = max(longest, np.count_nonzero(mask[start[k] : start[k + 1]]))
    precision = np.empty((NUM_THRESHOLDS, longest), np.float64)
    recall = np.empty((NUM_THRESHOLDS, longest), np.int64)
    seen = np.empty((longest, RESAMPLES_TOGETHER), np.int32)
    which = np.empty(longest, np.int64)
    for low in range(first * RESAMPLES_TOGETHER, times.shape[1], step * RESAMPLES_TOGETHER):
        high = min(low + RESAMPLES_TOGETHER, times.shape[1])
        sums, cells = np.zeros(RESAMPLES_TOGETHER, np.float64), np.zeros(RESAMPLES_TOGETHER, np.int64)
        for k in range(len(start) - 1):
            found = count_seen(image, mask, start[k], start[k + 1], times, low, high, which, seen)
            for r in range(low, high):
                if truths[r, k]:
                    cells[r - low] += NUM_THRESHOLDS * len(recalls)
                    places = which[:found], seen[:found, r - low]
                    sums[r - low] += weighted_sum(
                        image, mask, places, times[:, r], truths[r, k], recalls, precision, recall
                    )
        for r in range(low, high):
            result[r] = sums[r - low] / cells[r - low] if cells[r - low] else -1.0


@kernel
def count_seen(image, mask, first, end, times, low, high, which, seen):
    """Candidates of resamples low..high up to and with each matched one; RESAMPLES_TOGETHER resamples share one walk.

    Returns:
        Number of matched candidates: entries filled of `which` (their index) and `seen` (found, RESAMPLES_TOGETHER).
    """
    count, found = np.zeros(RESAMPLES_TOGETHER, np.int32), 0
    for d in range(first, end):
        row = times[image[d]]
        for r in range(high - low):
            count[r] += row[low + r]
        if mask[d]:
            which[found] = d
            seen[found] = count
            found += 1
    return found


@kernel
def weighted_sum(image, mask, places, times, truths, recalls, precision, recall):
    """Sum over thresholds and recalls of one category's interpolated precision; images count `times` each."""
    hits = np.zeros(NUM_THRESHOLDS, np.int64)
    accounted = np.zeros(NUM_THRESHOLDS, np.int64)
    length = np.zeros(NUM_THRESHOLDS, np.int64)
    which, seen = places
    for m in range(len(which)):
        d = which[m]
        n, bits = np.int64(times[image[d]]), np.int64(mask[d])
        if n == 0:
            continue
        for i in range(NUM_THRESHOLDS):
            if (bits >> i) & 1:
                hits[i] += n
                accounted[i] += n
                at = length[i]
                false = np.float64(seen[m] - accounted[i])
                precision[i, at] = hits[i] / (false + hits[i] + 2.220446049250313e-16)
                recall[i, at] = hits[i]
                length[i] = at + 1
            elif (bits >> (NUM_THRESHOLDS + i)) & 1:
                accounted[i] += n
    total = 0.0
    for i in range(NUM_THRESHOLDS):
        best, r = 0.0, len(recalls) - 1
        while r >= 0 and recalls[r] > hits[i] / truths:
            r -= 1
        for at in range(length[i] - 1, -1, -1):
            best = max(best, precision[i, at])
            before = recall[i, at - 1] / truths if at else -1.0
            while r >= 0 and recalls[r] > before:
                total += best
                r -= 1
    return total
