"""What the trade-off plot's script answers questions from."""

import shlex
from collections.abc import Iterable
from typing import Any

from anchorprune.heads.head import Head
from anchorprune.report.data.anchor_labels import anchor_labels
from anchorprune.report.data.ap_changes import ApChange
from anchorprune.report.data.configurations import by_configuration
from anchorprune.report.data.detector_facts import DetectorFacts, is_reference, pair_changes
from anchorprune.report.data.manifest import configuration, is_pruned
from anchorprune.report.data.plotted_costs import PLOTTED_COSTS
from anchorprune.report.data.section import Section
from anchorprune.report.page.anchor_strip import Strip

DIGITS = 6  # of APs


def facts_for_script(
    section: Section, found: list[DetectorFacts], names: list[str], shown: list[Strip], start: str
) -> dict[str, Any]:
    """What the plot's script answers from, as JSON can hold it.

    Args:
        section: an experiment.
        found: its detectors.
        names: of each.
        shown: its anchor sets' strips.
        start: name of the configuration to show first, beside its unpruned detector.

    Returns:
        `detectors`, with AP, its changes and those of `parts` (sizes and classes; change, low and high), costs, anchors
        kept of one of the `heads`, and row of the page's table; `pairs`, "i j" -> change, low and high of AP from
        detector i to j; the strips' stops; names of `costs`; numbers of the detectors to `start` with.
    """
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
        "costs": {name: kind.label for name, kind in PLOTTED_COSTS.items()},
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
