"""Ways of training side by side, for people: AP with intervals, costs, what was trained, and from when it pays."""

from pathlib import Path

import pandas as pd

from anchorprune.report.data.ap_changes import ApChange
from anchorprune.report.data.comparison import GROUP, WAYS
from anchorprune.report.data.manifest import UNPRUNED
from anchorprune.report.tables.results_table import format_macs, write_table

HEADINGS = {
    "compared": "comparison",
    "anchor_set": "anchor set",
    "way": "way",
    "configuration": "configuration",
    "seeds": "seeds",
    "kept": "anchors",
    "macs": "head MACs",
    "macs_share": "share of MACs",
    "boxes": "boxes",
    "ap": "AP [95%]",
    "ap_difference": "AP difference [95%]",
    "against": "from",
    "trained": "trained",
    "trained_all": "trained for all budgets",
    "cpu_minutes": "CPU minutes",
    "cpu_minutes_all": "CPU minutes for all budgets",
}
NOTE = (
    "AP is on the test split, a mean over the seeds, with the 95% interval of a bootstrap over seeds and test images. "
    "Differences are paired: the same search and budget, seeds and images. Trained: what a detector's weights have "
    "been through (an epoch is a pass over the training split); for all budgets: every training that the way's pruned "
    "detectors of a search needed, with the one that came before the search; budgets of one layout train once. CPU "
    "minutes are those of the trainings' jobs as the pipeline measured them, means over the seeds."
)


def write_ways(table: pd.DataFrame, folder: Path, name: str) -> None:
    """Write `comparison.comparison`'s table as `name` with the endings csv, md and tex."""
    shown = ways_as_text(table).rename(columns=HEADINGS)
    write_table(table, shown, [NOTE, *cheaper_from(table)], folder, name)


def ways_as_text(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that people read, by their keys in HEADINGS, with text in every cell."""
    counts = {name: [f"{n:.1f}".removesuffix(".0") for n in table[name]] for name in ("kept", "boxes")}
    minutes = {
        name: [f"{n:.1f}" if n == n else "-" for n in table[name]] for name in ("cpu_minutes", "cpu_minutes_all")
    }
    shown = table.assign(
        **counts,
        **minutes,
        macs=[format_macs(macs) for macs in table["macs"]],
        macs_share=[f"{share:.1%}" for share in table["macs_share"]],
        ap=[_ap(*row) for row in zip(table["ap"], table["ap_low"], table["ap_high"], strict=True)],
        ap_difference=[
            str(ApChange(*row))
            for row in zip(*(table[f"ap_difference{end}"] for end in ("", "_low", "_high")), strict=True)
        ],
    )
    return shown[list(HEADINGS)].astype(str).replace("", "-")


def cheaper_from(table: pd.DataFrame) -> list[str]:
    """A line for each comparison whose trainings were measured: from how many budgets on one training for all pays."""
    lines = []
    for group, rows in table.groupby(list(GROUP), sort=False):
        shared = _minutes(rows, "once", "cpu_minutes_shared")
        each = {WAYS[way]: _minutes(rows, way, "cpu_minutes_each") for way in ("finetune", "scratch")}
        parts = [
            f"than `{way}` ({minutes:.1f} a budget) from {int(shared // minutes) + 1} on"
            for way, minutes in each.items()
            if shared == shared and minutes > 0
        ]
        if parts:
            names = dict(zip(GROUP, group, strict=True))
            lines.append(
                f"{names['compared']}, {names['anchor_set']} anchors: `{WAYS['once']}` trains {shared:.1f} CPU minutes "
                f"once for any number of budgets; it is cheaper {' and '.join(parts)}."
            )
    return lines


def _minutes(rows: pd.DataFrame, way: str, column: str) -> float:
    return float(rows.loc[(rows["way"] == WAYS[way]) & (rows["configuration"] != UNPRUNED), column].mean())


def _ap(ap: float, low: float, high: float) -> str:
    """`0.585 [0.561, 0.608]`; `-` without a figure."""
    if not ap >= 0:
        return "-"
    return f"{ap:.3f}" + (f" [{low:.3f}, {high:.3f}]" if low == low else "")
