"""What an experiment comes to: the most it saves with no measurable loss of AP, and whether its AP is as expected."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anchorprune.report.data.ap_changes import GAINS, SAME, ApChange
from anchorprune.report.data.configurations import by_configuration, change_over_seeds
from anchorprune.report.data.manifest import Entry, configuration, is_pruned
from anchorprune.report.data.section import Section
from anchorprune.report.tables.paper_table import HEADINGS

MEANS = ["ap", "saved_macs", "saved_boxes"]


@dataclass(frozen=True)
class Outcome:
    """What pruning did to the detectors of one anchor set, means over the seeds.

    Attributes:
        unpruned: AP of the unpruned detector, trained as long as the pruned ones; NaN where it was not measured.
        seeds: trainings the means are over.
        configuration: the one that saves most with no measurable loss, or else the one that loses least; "" where
            nothing was measured.
        lossless: whether `configuration` is of the first kind.
        ap: of the configuration's finished detectors.
        ap_change: against the unpruned detector.
        verdict: what its interval says.
        saved_macs: fraction of the head's MACs the configuration saves.
        saved_boxes: fraction of the boxes it saves.
    """

    unpruned: float
    seeds: int
    configuration: str = ""
    lossless: bool = False
    ap: float = np.nan
    ap_change: ApChange = field(default_factory=ApChange)
    verdict: str = ""
    saved_macs: float = np.nan
    saved_boxes: float = np.nan


def outcome(section: Section) -> Outcome:
    """The outcome of an anchor set.

    A configuration's change of AP is that of its finished detectors, on the test split, with its interval over images
    and seeds; it has no measurable loss where `ApChange.verdict` says so, or that it gains. Of those, the one that
    saves the largest fraction of the head's MACs is taken. Searched and fixed layouts count, controls do not, and
    neither does a configuration one of whose seeds was not measured.
    """
    full = section.table.loc[section.table["method"] == "", "ap"]
    unpruned = float(full.where(full >= 0).mean(skipna=False))
    pruned = section.where(is_pruned)
    found = [_outcome(pruned, rows, name, unpruned, len(section.seeds)) for (_, name), rows in _groups(pruned).items()]
    found = [one for one in found if one.ap_change.ap == one.ap_change.ap]
    if not found:
        return Outcome(unpruned, len(section.seeds))
    lossless = [one for one in found if one.lossless]
    if lossless:
        return max(lossless, key=lambda one: (one.saved_macs, one.saved_boxes, one.ap_change.ap))
    return max(found, key=lambda one: (one.ap_change.ap, one.saved_macs, one.saved_boxes))


def _groups(pruned: Section) -> dict[tuple[str, str], list[int]]:
    return by_configuration(pruned) if pruned.entries else {}


def _outcome(pruned: Section, rows: list[int], name: str, unpruned: float, seeds: int) -> Outcome:
    change, margin = change_over_seeds(pruned, rows), pruned.entries[rows[0]]["no_loss"]
    verdict = change.verdict(margin, unpruned)
    means = pruned.table.iloc[rows][MEANS].mean(skipna=False)
    return Outcome(
        unpruned, seeds, name, verdict in (SAME, GAINS), ap_change=change, verdict=verdict, **means.to_dict()
    )


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
    value = row["expected_found"]
    found = f"{HEADINGS[figure]} {value:.3f} found" if value >= 0 else f"no {HEADINGS[figure]} found"
    wanted = f"{expected['ap']:.3f}"
    if expected.get("tolerance") is not None:
        wanted += f" ± {expected['tolerance']:.3f}"
    source = f" ({expected['source']})" if expected.get("source") else ""
    who = f"{configuration(entry)}, {entry['anchor_set']} anchors, seed {entry['seed']}"
    state = {"true": "inside", "false": "outside"}.get(row["within_expected"], "open")
    return Finding(who, f"{found}, {wanted} expected{source}", state)
