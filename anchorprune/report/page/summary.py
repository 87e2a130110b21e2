"""What an experiment comes to: the most it saves at no loss of AP, and whether its AP is the expected one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from anchorprune.report.data.manifest import Entry, configuration, is_pruned
from anchorprune.report.data.section import Section
from anchorprune.report.tables.paper_table import HEADINGS

MEANS = ["ap", "ap_change", "saved_macs", "saved_boxes"]
ROUNDING = 1e-12  # of a mean of differences of equal APs


@dataclass(frozen=True)
class Outcome:
    """What pruning did to the detectors of one anchor set, means over the seeds.

    Attributes:
        unpruned: AP of the unpruned detector; NaN where it was not measured.
        seeds: trainings the means are over.
        configuration: the one that saves most at no loss, or else the one that loses least; "" where nothing was
            measured.
        lossless: whether `configuration` is of the first kind.
        ap: of the configuration's finished detectors.
        ap_change: their AP minus the unpruned detector's.
        saved_macs: fraction of the head's MACs the configuration saves.
        saved_boxes: fraction of the boxes it saves.
    """

    unpruned: float
    seeds: int
    configuration: str = ""
    lossless: bool = False
    ap: float = np.nan
    ap_change: float = np.nan
    saved_macs: float = np.nan
    saved_boxes: float = np.nan


def outcome(section: Section) -> Outcome:
    """The outcome of an anchor set.

    A configuration's change of AP is the finished detector's minus that of the unpruned one of the same seed, test
    split, at full precision, averaged over the seeds; it loses nothing where this is not below 0. Of those, the one
    that saves the largest fraction of the head's MACs is taken. Searched and fixed layouts count, controls do not, and
    neither does a configuration one of whose seeds was not measured.
    """
    full = section.table.loc[section.table["method"] == "", "ap"]
    begun = {"unpruned": float(full.where(full >= 0).mean(skipna=False)), "seeds": len(section.seeds)}
    means = _means(section.where(is_pruned))
    if means.empty:
        return Outcome(**begun)
    lossless = means[means["ap_change"] >= -ROUNDING]
    order = ["saved_macs", "saved_boxes", "ap_change"] if len(lossless) else ["ap_change", "saved_macs", "saved_boxes"]
    best = (lossless if len(lossless) else means).sort_values(order, ascending=False, kind="stable").iloc[0]
    return Outcome(**begun, configuration=str(best.name), lossless=len(lossless) > 0, **best.astype(float).to_dict())


def _means(pruned: Section) -> pd.DataFrame:
    """MEANS per configuration that was measured for every seed, in the manifest's order."""
    names = [configuration(entry) for entry in pruned.entries]
    groups = pruned.table[MEANS].groupby(np.array(names, dtype=object), sort=False)
    return groups.agg(lambda values: values.mean(skipna=False)).dropna()


@dataclass(frozen=True)
class Finding:
    """An expected figure beside the found one.

    Attributes:
        who: anchor set and seed.
        text: both, for people.
        state: `inside` or `outside` of what was expected, or `open` where it could not be judged.
    """

    who: str
    text: str
    state: str


def findings(section: Section) -> list[Finding]:
    """A finding for each detector that an AP, or VOC's mAP, is expected of."""
    rows = zip(section.entries, section.table.to_dict("records"), strict=True)
    return [_finding(entry, row) for entry, row in rows if entry["expected"].get("ap") is not None]


def _finding(entry: Entry, row: dict[str, Any]) -> Finding:
    expected = entry["expected"]
    figure = expected.get("figure", "ap")
    found = f"{HEADINGS[figure]} {row[figure]:.3f} found" if row[figure] >= 0 else f"no {HEADINGS[figure]} found"
    wanted = f"{expected['ap']:.3f}"
    if expected.get("tolerance") is not None:
        wanted += f" ± {expected['tolerance']:.3f}"
    source = f" ({expected['source']})" if expected.get("source") else ""
    who = f"{configuration(entry)}, {entry['anchor_set']} anchors, seed {entry['seed']}"
    state = {"true": "inside", "false": "outside"}.get(row["within_expected"], "open")
    return Finding(who, f"{found}, {wanted} expected{source}", state)
