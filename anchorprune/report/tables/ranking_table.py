"""How well the APs known before the finished detectors rank layouts, over all experiments."""

from pathlib import Path

import pandas as pd

from anchorprune.report.data.manifest import FEWEST_TO_RANK
from anchorprune.report.tables.results_table import write_table

HEADINGS = {
    "experiment": "experiment",
    "way": "way",
    "anchor_set": "anchor set",
    "before": "AP before",
    "seeds": "seeds",
    "layouts": "layouts",
    "gap": "AP before less finished AP",
    "spearman": "Spearman's rho [95%]",
    "kendall": "Kendall's tau [95%]",
    "macs_spread": "spread of MACs",
    "ap_spread": "spread of AP",
}
NOTES = [
    "Do layouts that had more AP before end up with more AP on the test split? 1: in the very same order; 0: no better "
    "than chance; over an experiment's pruned layouts, controls left out, within each seed, means over the seeds; 95% "
    f"intervals of a bootstrap over the layouts. Fewer than {FEWEST_TO_RANK} layouts of a seed give no figure.",
    "Cheap layouts have less AP before and after, so a wide spread of MACs gives a high correlation by itself; where "
    "all layouts cost about the same, it is the sharper test. Where nothing is trained after the search, the gap holds "
    "the splits' difference and what picking the best flatters, and nothing else.",
]


def write_ranking(table: pd.DataFrame, folder: Path, name: str) -> None:
    """Write `ranking.ranking`'s table as `name` with the endings csv, md and tex."""
    write_table(table, ranking_as_text(table).rename(columns=HEADINGS), NOTES, folder, name)


def ranking_as_text(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that people read, by their keys in HEADINGS, with text in every cell."""
    shown = table.assign(
        gap=[f"{gap:+.3f}" for gap in table["gap"]],
        macs_spread=[f"{share:.1%}" for share in table["macs_spread"]],
        ap_spread=[f"{ap:.3f}" for ap in table["ap_spread"]],
        **{name: [_interval(*row) for row in _columns(table, name)] for name in ("spearman", "kendall")},
    )
    return shown[list(HEADINGS)].astype(str).replace("", "-")


def _columns(table: pd.DataFrame, name: str) -> zip:
    return zip(table[name], table[f"{name}_low"], table[f"{name}_high"], strict=True)


def _interval(value: float, low: float, high: float) -> str:
    """`0.81 [0.42, 0.95]`; `-` without a figure."""
    if value != value:
        return "-"
    return f"{value:.2f}" + (f" [{low:.2f}, {high:.2f}]" if low == low else "")
