"""Does the AP that a search sees rank layouts as their finished detectors do? Rank correlations, and the gap."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from anchorprune.report.data.ap_changes import NONE
from anchorprune.report.data.comparison import way_in_words
from anchorprune.report.data.manifest import FEWEST_TO_RANK, is_pruned, is_retrained
from anchorprune.report.data.section import Section
from anchorprune.scoring.bootstrap import INTERVAL, RESAMPLES

# What is known before the finished detector, by its column of the results table.
BEFORE = {"ap_search": "AP (search, prune split)", "ap_sliced": "AP (before retraining)"}
COLUMNS = [
    *("experiment", "way", "anchor_set", "before", "seeds", "layouts", "macs_spread", "ap_spread", "gap"),
    *("spearman", "spearman_low", "spearman_high", "kendall", "kendall_low", "kendall_high"),
]


def ranking(section: Section) -> pd.DataFrame:
    """COLUMNS, a row per experiment, anchor set and column of BEFORE; over its pruned layouts, without controls.

    A layout counts once for each seed, whatever the number of budgets and searches that came to it; `layouts` is how
    many all seeds have together. `macs_spread`, `ap_spread`: the most less the least, of the layouts' shares of the
    unpruned head's MACs and of the finished AP; `gap`: the AP before less the finished one. These and the correlations
    are worked out within each seed, and are means over the seeds; correlations need FEWEST_TO_RANK layouts of a seed,
    else they are NaN.
    """
    rows = []
    for experiment, mine in section.where(is_pruned).experiments().items():
        for anchor_set in mine.anchor_sets:
            chosen = mine.of(experiment, anchor_set)
            names = {"experiment": experiment, "way": way_in_words(chosen.entries[0]), "anchor_set": anchor_set}
            # What `auto` came to may have another layout than what was sliced first.
            trained = any(is_retrained(entry) and "decision" not in entry["files"] for entry in chosen.entries)
            for column in BEFORE if trained else ("ap_search",):
                rows += [{**names, "before": BEFORE[column], **found} for found in _found(chosen.table, column)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _found(table: pd.DataFrame, column: str) -> list[dict[str, Any]]:
    """One row's figures; none where nothing was measured."""
    there = table[(table[column] >= 0) & (table["ap"] >= 0)].drop_duplicates(["seed", "kept"])
    seeds = [seed for _, seed in there.groupby("seed", sort=False)]
    if not seeds:
        return []
    pairs = [
        (seed[column].to_numpy(float), seed["ap"].to_numpy(float)) for seed in seeds if len(seed) >= FEWEST_TO_RANK
    ]
    found = correlations(pairs)
    return [
        {
            "seeds": len(seeds),
            "layouts": len(there),
            "macs_spread": float(np.mean([np.ptp(seed["saved_macs"]) for seed in seeds])),
            "ap_spread": float(np.mean([np.ptp(seed["ap"]) for seed in seeds])),
            "gap": float(np.mean([(seed[column] - seed["ap"]).mean() for seed in seeds])),
            **found.columns("spearman", 0),
            **found.columns("kendall", 1),
        }
    ]


@dataclass(frozen=True)
class Correlations:
    """Spearman's rho and Kendall's tau-b, in this order: (2,) the values, (2,) the ends of their 95% intervals."""

    values: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def columns(self, name: str, which: int) -> dict[str, float]:
        """As columns of a table: `name`, `name_low`, `name_high`."""
        ends = (self.values, self.low, self.high)
        return dict(zip((name, f"{name}_low", f"{name}_high"), (float(end[which]) for end in ends), strict=True))


def correlations(pairs: Sequence[tuple[np.ndarray, np.ndarray]], seed: int = 0) -> Correlations:
    """Means of the rank correlations of several pairs of columns, with intervals of a bootstrap over the rows of each.

    Args:
        pairs: two (n,) columns each.
        seed: of the draws. A draw in which a column is constant has no correlation and is left out.
    """
    none = np.full(2, NONE)
    if not pairs:
        return Correlations(none, none, none)
    signs = [tuple(np.sign(column[:, None] - column[None]) for column in pair) for pair in pairs]
    rng, drawn = np.random.default_rng(seed), np.empty((RESAMPLES, 2))
    for resample in drawn:
        picks = [rng.integers(0, len(first), len(first)) for first, _ in signs]
        parts = [_of_signs(*(of[np.ix_(pick, pick)] for of in pair)) for pair, pick in zip(signs, picks, strict=True)]
        resample[:] = np.mean(parts, axis=0)
    drawn = drawn[~np.isnan(drawn).any(axis=1)]
    values = np.mean([_of_signs(*pair) for pair in signs], axis=0)
    low, high = np.percentile(drawn, INTERVAL, axis=0) if len(drawn) else (none, none)
    return Correlations(values, low, high)


def _of_signs(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Spearman's rho and Kendall's tau-b of two columns by the (n, n) signs of their rows' differences.

    A row's sum of signs is twice its rank less n + 1, ties at their middle; Pearson's correlation of ranks is that of
    these sums. NaN where a column is constant.
    """
    ranks = first.sum(1), second.sum(1)
    with np.errstate(invalid="ignore"):
        return _cosine(*ranks), _cosine(first.ravel(), second.ravel())


def _cosine(first: np.ndarray, second: np.ndarray) -> float:
    # Whole numbers, so no order of summing rounds otherwise.
    return float(first @ second / np.sqrt((first @ first) * (second @ second)))
