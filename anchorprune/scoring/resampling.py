"""Kernels that score resamples of the images, class by class, from matches made once."""

import numpy as np

from anchorprune.scoring.compiled import kernel
from anchorprune.scoring.evaluated import INSIDE, Evaluated
from anchorprune.scoring.scorer import Scorer
from anchorprune.scoring.tables import NUM_THRESHOLDS, RECALL_THRESHOLDS

TOGETHER = 16  # resamples that share one walk over the candidates
NEVER = 2**62  # hits that no number of boxes has


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
    sums = np.empty(truths.shape)

    def run(low: int) -> None:
        together = slice(low, low + TOGETHER)
        # What is known of an image stands side by side, and all of it stays in the processor's cache.
        drawn = np.zeros((times.shape[1], TOGETHER), np.uint8)
        drawn[:, : len(truths[together])] = times[together].T
        resampled_sums(matches, drawn, truths[together], RECALL_THRESHOLDS, sums[together])

    scorer.threads.map(run, range(0, len(times), TOGETHER))
    return sums / (NUM_THRESHOLDS * len(RECALL_THRESHOLDS))


def class_means(aps: np.ndarray) -> np.ndarray:
    """(R,) mean over the classes that a resample has, of (R, K); NaN where it has none."""
    there = ~np.isnan(aps)
    sums, counts = np.where(there, aps, 0.0).sum(axis=1), there.sum(axis=1)
    return np.divide(sums, counts, out=np.full(len(aps), np.nan), where=counts > 0)


@kernel
def resampled_sums(matches, times, truths, recalls, result):
    """Each class's sum of interpolated precision, of R resamples, at most TOGETHER.

    Args:
        matches: an `Evaluated`.
        times: (I, TOGETHER) uint8, how often each image is drawn.
        truths: (R, K) int64, ground-truth boxes of each resample.
        recalls: (101,) float64.
        result: (R, K) float64, out; NaN without ground truth.
    """
    needed = np.empty((TOGETHER, len(recalls) + 1), np.int64)
    best = np.empty((TOGETHER, NUM_THRESHOLDS, len(recalls)), np.float64)
    for k in range(truths.shape[1]):
        for r in range(len(truths)):
            hits_needed(truths[r, k], recalls, needed[r])
        best[:] = 0.0
        reached = best_precisions(matches, matches.start[k], matches.start[k + 1], times, needed, best)
        for r in range(len(truths)):
            result[r, k] = interpolated_sum(best[r], reached[r]) if truths[r, k] else np.nan


@kernel
def hits_needed(truths, recalls, needed):
    """Fill `needed` (102,) with the fewest hits of so many ground-truth boxes that reach each recall, then NEVER."""
    needed[-1] = NEVER
    for i in range(len(recalls)):
        hits = np.int64(recalls[i] * truths)
        while hits > 0 and (hits - 1) / truths >= recalls[i]:
            hits -= 1
        while hits / truths < recalls[i]:
            hits += 1
        needed[i] = hits


@kernel
def best_precisions(matches, first, end, times, needed, best):
    """One walk over a category's candidates for all resamples; images count as often as each draws them.

    Args:
        matches: an `Evaluated`.
        first: its first candidate of the category.
        end: one past the last.
        times: (I, TOGETHER) uint8.
        needed: (TOGETHER, 102) int64, see `hits_needed`.
        best: (TOGETHER, 10, 101) float64, 0 before; out: of the hits that reach a recall and not the next, the best
            precision.

    Returns:
        (TOGETHER, 10) int64: the last recall that each threshold's hits reach; -1 without hits.
    """
    images, match = matches.image, matches.match
    seen = np.zeros(TOGETHER, np.int32)
    hits = np.zeros((TOGETHER, NUM_THRESHOLDS), np.int64)
    accounted = np.zeros((TOGETHER, NUM_THRESHOLDS), np.int64)
    reached = np.full((TOGETHER, NUM_THRESHOLDS), -1, np.int64)
    for d in range(first, end):
        drawn, mask = times[images[d]], np.int64(match[d])
        if mask & INSIDE:
            for r in range(TOGETHER):
                seen[r] += drawn[r]
        both = mask & (INSIDE - 1)
        if both == 0:
            continue
        for r in range(TOGETHER):
            n = np.int64(drawn[r])
            if n == 0:
                continue
            for i in range(NUM_THRESHOLDS):
                hit, ignored = (mask >> i) & 1, (mask >> (NUM_THRESHOLDS + i)) & 1
                if mask & INSIDE and (hit or ignored):
                    accounted[r, i] += n
                if not hit:
                    continue
                hits[r, i] += n
                positive, at = hits[r, i], reached[r, i]
                false = np.float64(seen[r] - accounted[r, i])
                precision = positive / (false + positive + 2.220446049250313e-16)
                while positive >= needed[r, at + 1]:
                    at += 1
                reached[r, i] = at
                best[r, i, at] = max(best[r, i, at], precision)
    return reached


@kernel
def interpolated_sum(best, reached):
    """Sum over thresholds and recalls of the best precision at each recall or beyond; (10, 101) and (10,)."""
    total = 0.0
    for i in range(NUM_THRESHOLDS):
        highest = 0.0
        for at in range(reached[i], -1, -1):
            highest = max(highest, best[i, at])
            total += highest
    return total
