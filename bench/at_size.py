"""All measurements of the engine, and of the usual way, at one size."""

import argparse
import importlib.util
import os
import resource
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any

from anchorprune.heads.predictions import Predictions
from anchorprune.scoring import Bootstrap, Scorer
from anchorprune.search.run import Options
from bench import simulate, usual_way
from bench.detectors import DETECTORS
from bench.scoring import (
    bytes_a_child_reads,
    full_subsets,
    greedy_step_children,
    memory_bandwidth,
    spread,
    timed,
    timed_search,
)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: what was measured.
        seconds: of each run.
        note: what else is to be said.
        load: the machine's load average afterwards.
    """

    what: str
    seconds: list[float]
    note: str
    load: float


class Table:
    """Rows, shown on standard error as they come."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, what: str, seconds: list[float], note: str = "") -> float:
        """Add a row and return its median."""
        self.rows.append(Row(what, seconds, note, os.getloadavg()[0]))
        print(line(self.rows[-1]), file=sys.stderr, flush=True)
        return statistics.median(seconds) if seconds else 0.0


def line(row: Row) -> str:
    """A row as text: median, quartiles, runs, load, note."""
    if not row.seconds:
        return f"{row.what:44} {row.note}"
    low, middle, high = (spread(row.seconds)[key] for key in ("low", "median", "high"))
    times = f"{1e3 * middle:11.2f} ms  [{1e3 * low:.2f}, {1e3 * high:.2f}]"
    return f"{row.what:44} {times}  runs {len(row.seconds)}  load {row.load:.1f}  {row.note}".rstrip()


def measure(given: argparse.Namespace, name: str) -> list[Row]:
    """All measurements at one size."""
    table, truth, detector = Table(), simulate.annotations(given.images), DETECTORS[name]()
    path, anchors = given.output / f"{name}.parquet", detector.head.num_anchors
    given_detector = detector.head, detector.postprocess, detector.cloud
    simulate.write_predictions(path, truth, 0, *given_detector)
    predictions = Predictions.open(path)
    scorer = Scorer(predictions, truth)
    greedy_step_children(scorer, 1)  # compiles
    full = scorer.ap(range(anchors))
    candidates = len(scorer.tables.anchor) / given.images
    size = f"{given.images} images, {candidates:.0f} candidates an image, {len(os.sched_getaffinity(0))} cores"
    table.add(f"size: {name}", [], f"{anchors} anchors, {size}; AP of all anchors {full:.4f}")
    del scorer  # the memory of one is measured
    table.add("preparing", timed(lambda: Scorer(predictions, truth), 3))
    scorer = Scorer(predictions, truth)
    table.add("a full subset", full_subsets(scorer, given.runs))
    steps = greedy_step_children(scorer, max(given.runs // 3, 1))
    child = table.add("a child within a greedy step, on average", steps)
    floor = bytes_a_child_reads(scorer) / memory_bandwidth() / scorer.threads.count
    table.add(
        "the bytes a child must read, at full bandwidth", [floor], f"a child takes {child / floor:.0f} times that"
    )
    searches = {f"greedy, {anchors} -> 1": Options("greedy")}
    if name == "ssd300":
        searches["pareto to 78% of the AP"] = Options("pareto", min_ap=0.78 * full)
    for what, options in searches.items():
        seconds, subsets, done = timed_search(scorer, options, given.limit)
        table.add(what, [seconds], f"{subsets} subsets" + ("" if done else ", NOT FINISHED: stopped"))
    start = time.perf_counter()
    Bootstrap(scorer, 1000).difference(range(anchors - 1), range(anchors))
    table.add("bootstrap of a pair, 1000 resamples", [time.perf_counter() - start])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    table.add("peak memory, simulation included", [], f"{peak:.2f} GiB")
    usual(table, predictions, truth, scorer, given, child, name == "ssd300")
    return table.rows


def usual(
    table: Table, predictions: Predictions, truth: Any, scorer: Scorer, given: Any, child: float, slow: bool
) -> None:
    """The usual ways, as far as they are installed; `slow`: pycocotools too, which takes minutes."""
    if not given.slow_runs:
        return
    if not (importlib.util.find_spec("mmcv") and importlib.util.find_spec("torch")):
        table.add("the usual ways", [], "skipped: mmcv or torch is not installed")
        return
    names = (*(["pycocotools"] if slow else []), "hotcoco", "ultrafast-pycocotools")
    kept = range(scorer.head.num_anchors - 1)
    found = usual_way.measure(predictions, truth, scorer, kept, given.slow_runs, given.output, names)
    for name in names:
        what = f"mmcv batched_nms + {name}"
        if f"mmcv_{name}" not in found:
            table.add(what, [], f"skipped: {name} is not installed")
            continue
        ratio = statistics.median(found[f"mmcv_{name}"]) / child
        difference = found[f"ap_difference_{name}"]
        table.add(what, found[f"mmcv_{name}"], f"{ratio:.0f} times a child; AP differs by {difference:.1e}")
