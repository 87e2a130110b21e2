"""An anchor set's anchors, level by level, and the layouts that the page's slider shows on them."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from anchorprune.heads.cost import cost
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.report.data.anchor_labels import anchor_labels
from anchorprune.report.data.detector_facts import DetectorFacts
from anchorprune.report.data.search_results import read_front
from anchorprune.report.data.section import Section

LARGEST = 44  # CSS pixels of the widest or highest anchor
SMALLEST = 3


@dataclass(frozen=True)
class Drawn:
    """An anchor: its number, its name, its width and height as drawn."""

    number: int
    name: str
    width: float
    height: float


@dataclass(frozen=True)
class Strip:
    """The anchors of an anchor set.

    Attributes:
        anchor_set: its name.
        levels: what each level is -> its anchors.
        stops: the layouts of the first seed, cheapest first, for the script: `kept` (hexadecimal, bit i
            is anchor i), share of the full head's MACs,
            AP on the prune split and number of the finished detector, where there is one.
    """

    anchor_set: str
    levels: dict[str, list[Drawn]]
    stops: list[dict[str, Any]]


def strips(section: Section, found: list[DetectorFacts]) -> list[Strip]:
    """A strip for each anchor set."""
    result = []
    for anchor_set in section.anchor_sets:
        mine = [i for i, one in enumerate(found) if one.entry["anchor_set"] == anchor_set]
        head, seed = found[mine[0]].head, found[mine[0]].entry["seed"]
        finished = {
            found[i].kept: i for i in reversed(mine) if found[i].head == head and found[i].entry["seed"] == seed
        }
        training = section.where(lambda e, of=(anchor_set, seed): (e["anchor_set"], e["seed"]) == of)
        result.append(Strip(anchor_set, _levels(head), _stops(training, head, finished)))
    return result


def _levels(head: Head) -> dict[str, list[Drawn]]:
    """Sides are drawn by their square roots, so that shapes of all levels can be told on one scale."""
    names, most = anchor_labels(head), max(max(anchor) for level in head.levels for anchor in level.anchors)
    levels, number = {}, 0
    for i, level in enumerate(head.levels):
        drawn = levels.setdefault(f"level {i}, stride {level.stride}, {level.grid[1]}x{level.grid[0]} cells", [])
        for width, height in level.anchors:
            sides = [round(max(LARGEST * (side / most) ** 0.5, SMALLEST), 1) for side in (width, height)]
            drawn.append(Drawn(number, names[number], *sides))
            number += 1
    return levels


def _stops(training: Section, head: Head, finished: dict[tuple[int, ...], int]) -> list[dict[str, Any]]:
    layouts: dict[tuple[int, ...], float] = dict.fromkeys(finished, float("nan"))
    for search in training.searches:
        file = training.file("front", search)
        front = read_front(file) if file else pd.DataFrame(columns=["kept", "ap"])
        for kept, ap in zip(front["kept"], front["ap"], strict=True):
            layouts[tuple(map(int, kept.split()))] = float(ap)
    full = cost(Layout.full(head)).macs
    stops = [_stop(Layout(head, kept), ap, full, finished.get(kept)) for kept, ap in layouts.items()]
    return sorted(stops, key=lambda stop: (stop["macs"], stop["boxes"], stop["kept"]))


def _stop(layout: Layout, ap: float, full: int, detector: int | None) -> dict[str, Any]:
    spent = cost(layout)
    return {
        "kept": f"{sum(1 << anchor for anchor in layout.kept):x}",
        "share": round(spent.macs / full, 4),
        "macs": spent.macs,
        "boxes": spent.boxes,
        "ap": round(ap, 4) if ap >= 0 else None,
        "detector": detector,
    }
