"""Kernels that score resamples of the images, class by class, from matches made once."""

import numpy as np

from anchorprune.scoring.compiled import kernel
from anchorprune.scoring.evaluated import Evaluated
from anchorprune.scoring.scorer import Scorer
from anchorprune.scoring.tables import NUM_THRESHOLDS, RECALL_THRESHOLDS

TOGETHER = 16  # resamples that share one walk over the candidates


def resampled_aps(scorer: Scorer, matches: Evaluated, times: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """AP of every class on every resample.

    Args:
        scorer: of the images.
        matches: of a subset of its anchors, or of several, each image's of one of them.
        times: (R, I) uint8, how often each image is drawn.
        truths: (R, K) int64, ground-truth boxes of each resample.

    Returns:
        (R, K) float64; NaN where a resample has no ground truth of a class.
    """
    start = np.searchsorted(matches.position, scorer.tables.category_word * 64).astype(np.int64)
    columns = matches.image, matches.inside, matches.mask, start
    sums = np.empty(truths.shape)

    def run(low: int) -> None:
        together = slice(low, low + TOGETHER)
        # What is known of an image stands side by side, and all of it stays in the processor's cache.
        drawn = np.zeros((times.shape[1], TOGETHER), np.uint8)
        drawn[:, : len(truths[together])] = times[together].T
        resampled_sums(*columns, drawn, truths[together], RECALL_THRESHOLDS, sums[together])

    scorer.threads.map(run, range(0, len(times), TOGETHER))
    return sums / (NUM_THRESHOLDS * len(RECALL_THRESHOLDS))


def class_means(aps: np.ndarray) -> np.ndarray:
    """(R,) mean over the classes that a resample has, of (R, K); NaN where it has none."""
    there = ~np.isnan(aps)
    sums, counts = np.where(there, aps, 0.0).sum(axis=1), there.sum(axis=1)
    return np.divide(sums, counts, out=np.full(len(aps), np.nan), where=counts > 0)


@kernel
def resampled_sums(image, inside, mask, start, times, truths, recalls, result):
    """Each class's sum of interpolated precision, of R resamples, at most TOGETHER.

    Args:
        image: (D,) int32, see `Evaluated`.
        inside: (D,) uint8.
        mask: (D,) uint32.
        start: (K+1,) int64.
        times: (I, TOGETHER) uint8, how often each image is drawn.
        truths: (R, K) int64, ground-truth boxes of each resample.
        recalls: (101,) float64.
        result: (R, K) float64, out; NaN without ground truth.
    """
    longest = 1
    for k in range(len(start) - 1):
        longest = max(longest, np.count_nonzero(mask[start[k] : start[k + 1]]))
    precision = np.empty((NUM_THRESHOLDS, longest), np.float64)
    recall = np.empty((NUM_THRESHOLDS, longest), np.int64)
    # Of the matched candidates, side by side: the walk jumps from image to image once, not once for each resample.
    seen, drawn = np.empty((longest, TOGETHER), np.int32), np.empty((longest, TOGETHER), np.uint8)
    bits, counts = np.empty(longest, np.uint32), np.empty(longest, np.uint8)
    for k in range(len(start) - 1):
        found = gather(image, inside, mask, start[k], start[k + 1], times, bits, counts, seen, drawn)
        for r in range(len(truths)):
            result[r, k] = np.nan
            if truths[r, k]:
                matched = bits[:found], counts[:found], seen[:found, r], drawn[:found, r]
                result[r, k] = weighted_sum(matched, truths[r, k], recalls, precision, recall)


@kernel
def gather(image, inside, mask, first, end, times, bits, counts, seen, drawn):
    """What all resamples need of a category's matched candidates, in one walk over its candidates.

    It fills, of each matched one: `bits`, its mask; `counts`, whether it is inside; `seen` (found, TOGETHER), how many
    candidates each resample has up to and with it; `drawn` (found, TOGETHER), how often each draws its image.

    Returns:
        Number of matched candidates: entries that were filled.
    """
    count, found = np.zeros(TOGETHER, np.int32), 0
    for d in range(first, end):
        row = times[image[d]]
        if inside[d]:
            for r in range(TOGETHER):
                count[r] += row[r]
        if mask[d]:
            bits[found], counts[found] = mask[d], inside[d]
            for r in range(TOGETHER):
                seen[found, r] = count[r]
                drawn[found, r] = row[r]
            found += 1
    return found


@kernel
def weighted_sum(matched, truths, recalls, precision, recall):
    """Sum over thresholds and recalls of one category's interpolated precision; images count as often as drawn.

    `matched` are the `bits` and `counts` of `gather`, and one resample's `seen` and `drawn`.
    """
    hits = np.zeros(NUM_THRESHOLDS, np.int64)
    accounted = np.zeros(NUM_THRESHOLDS, np.int64)
    length = np.zeros(NUM_THRESHOLDS, np.int64)
    masks, counts, seen, drawn = matched
    for m in range(len(masks)):
        n, bits = np.int64(drawn[m]), np.int64(masks[m])
        if n == 0:
            continue
        for i in range(NUM_THRESHOLDS):
            hit, ignored = (bits >> i) & 1, (bits >> (NUM_THRESHOLDS + i)) & 1
            if counts[m] and (hit or ignored):
                accounted[i] += n
            if hit:
                hits[i] += n
                at = length[i]
                false = np.float64(seen[m] - accounted[i])
                precision[i, at] = hits[i] / (false + hits[i] + 2.220446049250313e-16)
                recall[i, at] = hits[i]
                length[i] = at + 1
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
