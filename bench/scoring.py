"""How fast the engine is, and how fast the usual way: `python -m bench.scoring [--quick]`.

Prints one JSON object: medians and quartiles in seconds, ratios, memory, and the time against the memory's floor.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.predictions import Predictions
from anchorprune.scoring import Bootstrap, Scorer
from anchorprune.search.run import Options, search
from bench import simulate, usual_way


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
    """Seconds a child, averaged over whole greedy steps at 30, 25, 20, 15 and 10 anchors."""
    times = []
    for size in (30, 25, 20, 15, 10):
        parent = tuple(range(30 - size, 30))
        children = [tuple(a for a in parent if a != gone) for gone in parent]
        scorer.children(parent, children)
        times += [t / size for t in timed(lambda p=parent, c=children: scorer.children(p, c), runs)]
    return times


def full_subsets(scorer: Scorer, runs: int) -> list[float]:
    """Seconds a subset of 15 to 30 anchors from nothing (its predecessor differs in over four anchors)."""
    times = []
    for i in range(runs):
        scorer.ap(range(10))
        times += timed(lambda i=i: scorer.ap(range(i % 15, 30)), 1)
    return times


def bytes_a_child_reads(scorer: Scorer) -> int:
    """The least a child must read: its anchor's candidates' flags and index, the precision-recall walk's arrays."""
    t = scorer.tables
    per_candidate = t.anchor_list.itemsize + 1
    walk = t.area_bits[0].nbytes * 2 + t.slot_position.nbytes * 2
    return int(len(t.anchor) / (len(t.anchor_start) - 1) * per_candidate + walk)


class Noted(dict[str, Any]):
    """A dictionary that shows its entries on standard error as they come."""

    def __setitem__(self, key: str, value: Any) -> None:
        print(f"{key}: {value}", file=sys.stderr, flush=True)
        super().__setitem__(key, value)


def measure(images: int, runs: int, slow_runs: int) -> dict[str, Any]:
    """All figures at one size."""
    result = Noted()
    result["images"], result["cores"] = images, len(os.sched_getaffinity(0))
    result["load_before"] = os.getloadavg()[0]
    truth = simulate.annotations(images)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.parquet"
        simulate.write_predictions(path, truth)
        predictions = Predictions.open(path)
        Scorer(predictions, truth)  # compiles
        result["prepare"] = spread(timed(lambda: Scorer(predictions, truth), 3))
        scorer = Scorer(predictions, truth)
        greedy_step_children(scorer, 1)
        result["candidates_per_image"] = len(scorer.tables.anchor) / images
        result["full_subset"] = spread(full_subsets(scorer, runs))
        result["child"] = spread(greedy_step_children(scorer, max(runs // 5, 1)))
        full_ap = scorer.ap(range(30))
        floor = bytes_a_child_reads(scorer) / memory_bandwidth()
        result["child_floor_seconds"] = floor
        result["child_over_floor"] = result["child"]["median"] / floor
        start = time.perf_counter()
        greedy = search(scorer, Options(method="greedy"))
        result["greedy_30_to_1"] = {"seconds": time.perf_counter() - start, "subsets": len(greedy.evaluated)}
        start = time.perf_counter()
        pareto = search(scorer, Options(method="pareto", min_ap=0.78 * full_ap))
        result["pareto_to_78_percent"] = {"seconds": time.perf_counter() - start, "subsets": len(pareto.evaluated)}
        start = time.perf_counter()
        Bootstrap(scorer, 1000).difference(range(29), range(30))
        result["bootstrap_1000_pair"] = time.perf_counter() - start
        result["peak_memory_gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        if slow_runs:
            usual = usual_way.measure(predictions, truth, scorer, range(29), slow_runs)
            for name, value in usual.items():
                result[name] = value
            for name in ("pycocotools", "hotcoco"):
                if f"mmcv_{name}" in usual:
                    slow = statistics.median(usual[f"mmcv_{name}"])
                    result[f"times_faster_than_mmcv_{name}"] = slow / result["child"]["median"]
    result["load_after"] = os.getloadavg()[0]
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--slow-runs", type=int, default=1, help="runs of the usual way (minutes each); 0: none")
    given = parser.parse_args()
    print(json.dumps(measure(given.images, given.runs, given.slow_runs), indent=2))


if __name__ == "__main__":
    main()
