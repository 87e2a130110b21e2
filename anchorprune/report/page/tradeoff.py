"""The trade-off plot of an experiment as the page shows it, and what its script answers questions from."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from anchorprune.heads.cost import COSTS
from anchorprune.heads.head import Head
from anchorprune.report.data.anchor_labels import anchor_labels
from anchorprune.report.data.ap_changes import ApChange
from anchorprune.report.data.configurations import by_configuration
from anchorprune.report.data.detector_facts import DetectorFacts, detector_facts, is_reference, pair_changes
from anchorprune.report.data.manifest import configuration, is_pruned
from anchorprune.report.data.section import Section
from anchorprune.report.page.anchor_strip import Strip, strips
from anchorprune.report.page.plot import Plot, plots
from anchorprune.report.tables.results_table import format_macs

KINDS = {
    "unpruned": "unpruned, trained as long",
    "pruned": "pruned by a search",
    "fixed": "fixed layout",
    "kmeans": "control: k-means anchors",
    "random": "control: random anchors",
}
DIGITS = 6  # of APs for the script
AXES = {"macs": "MACs", "boxes": "boxes", "latency": "milliseconds"}


@dataclass(frozen=True)
class Tradeoff:
    """The plot.

    Attributes:
        plots: one for each cost.
        texts: of each detector, what it is in one line.
        kinds: of each detector.
        colors: of each detector.
        series: colour -> what has it.
        marks: kinds that are there -> what they are.
        strips: the anchors, one for each anchor set.
        start: numbers of two detectors to begin with.
        facts: for the script, as JSON can hold it.
    """

    plots: list[Plot]
    texts: list[str]
    kinds: list[str]
    colors: list[int]
    series: dict[int, str]
    marks: dict[str, str]
    strips: list[Strip]
    facts: dict[str, Any]

    @property
    def has_before(self) -> bool:
        return any(point.before is not None for plot in self.plots for point in plot.points)

    @property
    def has_published(self) -> bool:
        return any(plot.published for plot in self.plots)

    @property
    def has_search(self) -> bool:
        return any(plot.fronts for plot in self.plots)

    @property
    def has_theirs(self) -> bool:
        return any(plot.published_front for plot in self.plots)


def tradeoff(section: Section, start: str) -> Tradeoff | None:
    """The plot of an experiment; None where nothing was measured.

    Args:
        section: the experiment.
        start: name of the configuration to show first, beside its unpruned detector.
    """
    found = detector_facts(section)
    if not any(one.ap >= 0 for one in found):
        return None
    several = (len(section.anchor_sets) > 1, len(section.seeds) > 1)
    names = [_name(one, *several) for one in found]
    colors = _colors(section)
    mine = [colors[one.entry["anchor_set"], _search(one, section)] for one in found]
    shown = strips(section, found)
    return Tradeoff(
        plots(section, found, [_short(one) for one in found], colors),
        [_text(one, name) for one, name in zip(found, names, strict=True)],
        [one.kind for one in found],
        mine,
        {color: _series(key, several[0]) for key, color in colors.items()},
        {kind: text for kind, text in KINDS.items() if any(one.kind == kind for one in found)},
        shown,
        _for_script(section, found, names, shown, start),
    )


def _colors(section: Section) -> dict[tuple[str, str], int]:
    """(anchor set, search) -> number of a colour. An unpruned detector has that of its anchor set's first search."""
    keys = [(entry["anchor_set"], entry["method"]) for entry in section.entries if entry["method"]]
    bare = [(name, "") for name in section.anchor_sets if name not in {of for of, _ in keys}]
    return {key: number for number, key in enumerate(dict.fromkeys([*keys, *bare]))}


def _search(one: DetectorFacts, section: Section) -> str:
    mine = [e["method"] for e in section.entries if e["anchor_set"] == one.entry["anchor_set"] and e["method"]]
    return one.entry["method"] or (mine[0] if mine else "")


def _series(key: tuple[str, str], several: bool) -> str:
    return ", ".join(text for text in (key[1], f"{key[0]} anchors" if several or not key[1] else "") if text)


def _name(one: DetectorFacts, sets: bool, seeds: bool) -> str:
    """A detector's name, whole within its experiment."""
    entry = one.entry
    more = [f"{entry['anchor_set']} anchors"] * sets + [f"seed {entry['seed']}"] * seeds
    return ", ".join([configuration(entry), *more])


def _short(one: DetectorFacts) -> str:
    """Beside its point."""
    entry = one.entry
    return f"@{entry['budget']:g}" if one.kind == "pruned" else entry["label"] or configuration(entry)


def _text(one: DetectorFacts, name: str) -> str:
    costs = "; ".join(_cost(cost, price) for cost, price in one.costs.items())
    ap = f"AP {one.ap:.3f}" if one.ap >= 0 else "AP not measured"
    change = f", change {one.change}" if one.change.ap == one.change.ap else ""
    return f"{name}: {ap}{change}; {len(one.kept)} anchors; {costs}"


def _cost(cost: str, price: float) -> str:
    if cost == "macs":
        return f"{format_macs(price)} head MACs"
    return f"{price:,.0f} boxes" if COSTS[cost].whole else f"{price:.2f} {COSTS[cost].unit}"


def _for_script(
    section: Section, found: list[DetectorFacts], names: list[str], shown: list[Strip], start: str
) -> dict[str, Any]:
    heads = list(dict.fromkeys(one.head for one in found))
    parts = list(dict.fromkeys(part for one in found for part in one.parts))
    rows = _table_rows(section)
    return {
        "heads": [{"anchors": anchor_labels(head), "levels": _levels(head)} for head in heads],
        "parts": parts,
        "detectors": [
            _detector(i, one, names[i], heads.index(one.head), rows[i], parts, found) for i, one in enumerate(found)
        ],
        "pairs": {f"{i} {j}": _numbers(change) for (i, j), change in pair_changes(found).items()},
        "strips": [strip.stops for strip in shown],
        "costs": {name: kind.label for name, kind in COSTS.items()},
        "start": _start(found, start),
    }


def _levels(head: Head) -> list[str]:
    return [f"level {level}, stride {head.levels[level].stride}" for level in head.level_of_anchor]


def _detector(
    number: int, one: DetectorFacts, name: str, head: int, row: int, parts: list[str], found: list[DetectorFacts]
) -> dict[str, Any]:
    reference = next((i for i, other in enumerate(found) if is_reference(other, one)), None)
    missing = ApChange()
    return {
        "name": name,
        "head": head,
        "row": row,
        "ap": _rounded([one.ap])[0],
        "change": _numbers(one.change),
        "costs": {cost: round(float(price), 4) for cost, price in one.costs.items()},
        "kept": list(one.kept),
        "parts": _rounded(one.parts.get(part, missing.ap) for part in parts),
        "changes": [_numbers(one.changes.get(part, missing)) for part in parts] if reference is not None else [],
        "reference": reference,
        "command": _command(one),
    }


def _table_rows(section: Section) -> list[int]:
    """The row of the page's table that each detector is in; rows of an anchor set stand together."""
    groups = by_configuration(section)
    ordered = [key for name in section.anchor_sets for key in groups if key[0] == name]
    return [ordered.index((entry["anchor_set"], configuration(entry))) for entry in section.entries]


def _start(found: list[DetectorFacts], start: str) -> list[int]:
    """The unpruned detector and the configuration to begin with, where both were measured."""
    for j, one in enumerate(found):
        if is_pruned(one.entry) and configuration(one.entry) == start and one.ap >= 0:
            return [*(i for i, other in enumerate(found) if is_reference(other, one)), j]
    return []


def _command(one: DetectorFacts) -> str:
    if not one.detector:
        return ""
    return shlex.join(["anchorprune", "slice", one.detector, one.entry["files"]["layout"], "--output", "pruned"])


def _numbers(change: ApChange) -> list[float | None]:
    """Change, low, high; what is not known at the end is left out."""
    values = [change.ap, change.low, change.high]
    return _rounded(value for value in values if value == value)


def _rounded(values: Iterable[float]) -> list[float | None]:
    return [round(float(value), DIGITS) if value == value else None for value in values]
