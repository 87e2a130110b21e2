"""What `retrain: auto` decided and why: a row per step, with its evidence."""

from pathlib import Path

import pandas as pd

from anchorprune.report.data.ap_changes import ApChange
from anchorprune.report.data.comparison import WAYS
from anchorprune.report.data.decisions import decisions
from anchorprune.report.data.section import Section
from anchorprune.report.tables.results_table import write_table

HEADINGS = {
    "anchor_set": "anchor set",
    "seed": "seed",
    "configuration": "configuration",
    "finish": "decided",
    "step": "step",
    "ap": "AP",
    "change": "AP change [95%]",
    "no_loss": "margin",
    "verdict": "that is",
}
NOTES = [
    "Steps in the order they were taken, all on the prune split; decided: how the result was trained. Of `slice` and "
    "`once` the AP change is against the unpruned detector that was sliced; where its interval lies above minus the "
    "margin there is no measurable loss, and no further step. Of `finetune` it is against the slice of `once`."
]


def write_decisions(section: Section, folder: Path, name: str) -> None:
    """Write the table as `name` with the endings csv, md and tex."""
    table = decisions(section)
    write_table(table, decisions_as_text(table).rename(columns=HEADINGS), NOTES, folder, name)


def decisions_as_text(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that people read, by their keys in HEADINGS, with text in every cell."""
    changes = zip(table["ap_change"], table["low"], table["high"], strict=True)
    shown = table.assign(
        finish=[WAYS.get(way, way) for way in table["finish"]],
        ap=[f"{ap:.3f}" if ap >= 0 else "-" for ap in table["ap"]],
        change=[str(ApChange(*change)) for change in changes],
        no_loss=[f"{margin:g}" if margin == margin else "-" for margin in table["no_loss"]],
    )
    return shown[list(HEADINGS)].astype(str).replace("", "-")
