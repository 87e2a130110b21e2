"""What is known of each detector of an experiment, and how sure the difference between two of them is."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from anchorprune.heads.head import Head
from anchorprune.heads.layout import FIXED
from anchorprune.report.data.ap_changes import SIZE, SIZES, ApChange, change_of, interval_over_seeds, parts_of
from anchorprune.report.data.decisions import read_decision
from anchorprune.report.data.manifest import Entry, configuration, is_retrained
from anchorprune.report.data.metrics import Metrics, measured
from anchorprune.report.data.plotted_costs import PARAMETERS, PLOTTED_COSTS
from anchorprune.report.data.section import Section


@dataclass(frozen=True)
class DetectorFacts:
    """A finished detector, on the test split.

    Attributes:
        entry: of the manifest.
        kind: `unpruned`, `pruned`, `fixed`, or a control: `kmeans`, `random`.
        head: its anchors are among this head's; of a k-means control its own.
        kept: anchors, ascending.
        ap: NaN where it was not measured.
        ap_before: before retraining; NaN where nothing was retrained.
        change: of AP against the unpruned detector that was trained as long.
        costs: name of a cost -> what the detector costs, of those that are known.
        parts: size or class -> its AP.
        changes: size or class -> its change.
        paired: with what its changes are paired, and the change on each resample; None: no interval is stored.
        detector: folder of the detector that it was cut out of; "" for one that was not cut.
    """

    entry: Entry
    kind: str
    head: Head
    kept: tuple[int, ...]
    ap: float
    ap_before: float
    change: ApChange
    costs: dict[str, float]
    parts: dict[str, float]
    changes: dict[str, ApChange]
    paired: tuple[tuple[str, float], np.ndarray] | None
    detector: str


def detector_facts(section: Section) -> list[DetectorFacts]:
    """The section's detectors, in its order."""
    heads: dict[str, Head] = {}
    rows = zip(section.entries, section.table.to_dict("records"), strict=True)
    return [_facts(entry, row, heads) for entry, row in rows]


def pair_changes(facts: list[DetectorFacts]) -> dict[tuple[int, int], ApChange]:
    """(i, j), i < j -> AP of detector j less that of i, with its 95% interval, where that can be said honestly.

    A pruned detector against its unpruned one: as its evaluation states. Two pruned ones whose evaluations state
    their change against one and the same detector, on the same resamples of the test images: the difference of both
    changes, resample by resample.
    """
    found = {}
    for i, j in itertools.combinations(range(len(facts)), 2):
        one, other = facts[i], facts[j]
        if is_reference(one, other):
            found[i, j] = other.change
        elif one.paired and other.paired and one.paired[0] == other.paired[0]:
            mine, its = one.paired[1], other.paired[1]
            if len(mine) == len(its):
                found[i, j] = interval_over_seeds([other.ap - one.ap], [its - mine])
    return found


def is_reference(one: DetectorFacts, other: DetectorFacts) -> bool:
    """Whether `one` is the unpruned detector that the stated changes of `other` are against."""
    names = ("anchor_set", "seed")
    same = all(one.entry[name] == other.entry[name] for name in names)
    stated = other.paired is not None and other.paired[0][1] == one.ap
    return one.kind == "unpruned" and other.kind != "unpruned" and same and stated


def _facts(entry: Entry, row: dict[str, Any], heads: dict[str, Head]) -> DetectorFacts:
    found, files = measured(entry), entry["files"]
    path = files.get("control_head", files["head"])
    head = heads.setdefault(path, Head.load(path))
    known = {**row, PARAMETERS: found.finished.get(PARAMETERS)}
    prices = {name: known[name] for name in PLOTTED_COSTS if pd.notna(known.get(name))}
    return DetectorFacts(
        entry=entry,
        kind=_kind(entry),
        head=head,
        kept=tuple(map(int, row["kept"].split())),
        ap=_figure(row["ap"]),
        ap_before=_figure(row["ap_sliced"]) if is_retrained(entry) else np.nan,
        change=change_of(found.finished, found.reference) if entry["method"] else ApChange(),
        costs=prices,
        parts=_parts(found.finished),
        changes=parts_of(found.finished, found.reference) if entry["method"] else {},
        paired=_paired(found.finished) if entry["method"] else None,
        detector=_cut_from(entry),
    )


def _kind(entry: Entry) -> str:
    if not entry["method"]:
        return configuration(entry)
    return entry["control"] or ("fixed" if entry["method"] == FIXED else "pruned")


def _figure(ap: float) -> float:
    """COCO says -1 where there is nothing to measure."""
    return float(ap) if ap >= 0 else np.nan


def _parts(metrics: Metrics) -> dict[str, float]:
    sizes = {SIZE + text: metrics.get(name, -1) for name, text in SIZES.items()}
    return {name: ap for name, ap in {**sizes, **metrics.get("per_class", {})}.items() if ap >= 0}


def _paired(metrics: Metrics) -> tuple[tuple[str, float], np.ndarray] | None:
    change = metrics.get("change")
    if not change or "resampled" not in change:
        return None
    return (str(change.get("reference")), change["ap_reference"]), np.array(change["resampled"], float)


def _cut_from(entry: Entry) -> str:
    files = entry["files"]
    if "layout" not in files:
        return ""
    if "decision" in files and read_decision(files["decision"])["finish"] == "once":
        return str(Path(files["unpruned"]).parents[2] / "retrain-once")
    return str(Path(files["head"]).parent)
