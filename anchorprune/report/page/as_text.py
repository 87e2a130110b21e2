"""The summary as plain text: what a terminal shows when a run has ended."""

from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from anchorprune.files import whole_file
from anchorprune.report.data.configurations import by_configuration, change_over_seeds
from anchorprune.report.data.manifest import is_pruned
from anchorprune.report.data.section import Section
from anchorprune.report.page.summary import outcome

_MOST_ROWS = 40  # of the table; below them an experiment is its sentence, and results.csv has the rest
_HEADINGS = ("", "anchors", "MACs", "boxes", "search AP", "sliced", "AP", "AP50", "AP change [95%]")
_ALIGNMENT = ("left", *["right"] * 7, "left")
_LONGEST_NAME = 20  # so that lines fit 100 columns


def write_text(section: Section, path: Path) -> None:
    """Write what each experiment and anchor set comes to, and below it its results, means over the seeds."""
    sets = [
        (f"{name}, {of}", mine.of(name, of)) for name, mine in section.experiments().items() for of in mine.anchor_sets
    ]
    blocks = [_rows(its) for _, its in sets]
    # One table, so that columns stand below each other. Headings are a row: tabulate would set theirs farther apart.
    rows = [_HEADINGS, *(row for block in blocks for row in block)]
    lines = tabulate(rows, (), "plain", disable_numparse=True, colalign=_ALIGNMENT).splitlines()
    text, at = [f"  {lines[0]}"], 1
    for (name, its), block in zip(sets, blocks, strict=True):
        text += ["", f"{name}: {_sentence(its)}"]
        text += [f"  {line}".rstrip() for line in lines[at : at + len(block)] if at + len(block) <= _MOST_ROWS]
        at += len(block)
    with whole_file(path) as partial:
        partial.write_text("\n".join(text) + "\n", encoding="utf-8")


def _rows(section: Section) -> list[tuple[str, ...]]:
    """A row of text for each configuration."""
    found = []
    for (_, name), numbers in by_configuration(section).items():
        mine = section.table.iloc[numbers]
        means = mine[["saved_macs", "saved_boxes", "ap_search", "ap_sliced", "ap", "ap50"]].mean(skipna=False)
        change = str(change_over_seeds(section, numbers)) if section.entries[numbers[0]]["method"] else ""
        shares = (f"{1 - means['saved_macs']:.0%}", f"{1 - means['saved_boxes']:.0%}")
        aps = (_ap(means[figure]) for figure in ("ap_search", "ap_sliced", "ap", "ap50"))
        found.append((_short(name), _kept(mine["anchors"]), *shares, *aps, change))
    return found


def _sentence(section: Section) -> str:
    """What matters of an experiment's anchor set."""
    best = outcome(section)
    if not best.configuration:
        return "nothing measured"
    full = section.table.loc[section.table["method"] == "", "anchors"]
    pruned = section.where(is_pruned)
    numbers = next(rows for (_, name), rows in by_configuration(pruned).items() if name == best.configuration)
    kept = _kept(pruned.table.iloc[numbers]["anchors"])
    seeds = f", {best.seeds} seeds" if best.seeds > 1 else ""
    return (
        f"{kept} of {_kept(full)} anchors, {-best.saved_macs:+.0%} head MACs, {-best.saved_boxes:+.0%} boxes, "
        f"AP {best.ap_change}{seeds}" + (f": {best.verdict}" if best.verdict else "")
    )


def _kept(anchors: pd.Series) -> str:
    """Anchors of the seeds' layouts: one number where they agree."""
    low, high = int(np.min(anchors)), int(np.max(anchors))
    return str(low) if low == high else f"{low}-{high}"


def _ap(value: float) -> str:
    return f"{value:.3f}" if value >= 0 else "-"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 3] + "..."
