"""Measurements of the engine: each gives the seconds of its runs."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from anchorprune.scoring import Scorer
from anchorprune.search.run import Options, search


def spread(times: list[float]) -> dict[str, float]:
    """Median and quartiles of measured seconds."""
    low, middle, high = np.percentile(times, [25, 50, 75])
    return {"median": float(middle), "low": float(low), "high": float(high), "runs": len(times)}


def timed(function: Callable[[], Any], runs: int) -> list[float]:
    """Seconds of each run."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return times


def memory_bandwidth() -> float:
    """Bytes a second that one thread reads from an array larger than the caches."""
    array = np.ones(1 << 26)
    return array.nbytes / min(timed(array.sum, 5))


def greedy_step_children(scorer: Scorer, runs: int) -> list[float]:
    """Seconds a child, averaged over whole greedy steps at all, 5/6, 2/3, 1/2 and 1/3 of the anchors."""
    times, anchors = [], scorer.head.num_anchors
    for size in (anchors * part // 6 for part in (6, 5, 4, 3, 2)):
        parent = tuple(range(anchors - size, anchors))
        children = [tuple(a for a in parent if a != gone) for gone in parent]
        scorer.children(parent, children)
        times += [t / size for t in timed(lambda p=parent, c=children: scorer.children(p, c), runs)]
    return times


def full_subsets(scorer: Scorer, runs: int) -> list[float]:
    """Seconds a subset of half to all anchors from nothing (its predecessor differs in over four anchors)."""
    times, anchors = [], scorer.head.num_anchors
    for i in range(runs):
        scorer.ap(range(anchors // 3))
        first = i % 15 * anchors // 30
        times += timed(lambda first=first: scorer.ap(range(first, anchors)), 1)
    return times


def bytes_a_child_reads(scorer: Scorer) -> int:
    """The least a child must read: its anchor's words, what is left of them, and the precision-recall walk's arrays."""
    t, w = scorer.tables, scorer.words
    entries = (w.entry_word.nbytes + w.entry_mask.nbytes + 8 * len(w.entry_word)) / scorer.head.num_anchors
    walk = t.area_bits[0].nbytes * 2 + len(t.slot_position) / 8
    return int(entries + walk)


class OutOfTime(Exception):  # noqa: N818 - it ends a measurement, it is not an error
    """A search took longer than it may."""


def timed_search(scorer: Scorer, options: Options, limit: float) -> tuple[float, int, bool]:
    """(seconds, subsets scored, finished) of a search that is given up after `limit` seconds."""
    count, start = 0, time.perf_counter()

    def watch(_scored: Any) -> None:
        nonlocal count
        count += 1
        if time.perf_counter() - start > limit:
            raise OutOfTime

    try:
        search(scorer, options, watch=watch)
    except OutOfTime:
        return time.perf_counter() - start, count, False
    return time.perf_counter() - start, count, True
