"""AP against a cost: the pieces that several figures draw."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from anchorprune.report.data.search_results import read_evaluated
from anchorprune.report.data.section import Section
from anchorprune.report.figures.axes import CostAxis


def searched(section: Section, search: str) -> pd.DataFrame:
    """Every subset that a search scored."""
    return read_evaluated(section.file("evaluated", search))


def best_by_cost(subsets: pd.DataFrame, column: str) -> pd.DataFrame:
    """The subsets that no other dominates in AP and a cost, cheapest first."""
    ordered = subsets.sort_values([column, "ap"], ascending=[True, False], kind="stable")
    before = ordered["ap"].cummax().shift(fill_value=-np.inf)
    return ordered[ordered["ap"] > before]


def draw_front(ax: Axes, front: pd.DataFrame, column: str, reach: float = 0.0, **line) -> None:
    """A front as steps: at a cost, the AP of the best subset that is no dearer; the last step goes on to `reach`."""
    cost, ap = front[column].to_list(), front["ap"].to_list()
    if cost and reach > cost[-1]:
        cost, ap = [*cost, reach], [*ap, ap[-1]]
    ax.step(cost, ap, where="post", **line)


def shown(ap: pd.Series) -> pd.Series:
    """APs to plot: COCO's -1 (nothing to measure) is no point."""
    return ap.where(ap >= 0)


def ap_limits(table: pd.DataFrame, others: Sequence[float] = ()) -> tuple[float, float]:
    """Limits that show every detector, and enough below for the front's bend; 0 to 1 where there is no figure.

    Args:
        table: rows of the results table.
        others: further APs to show.
    """
    values = np.append(table[["ap", "ap_sliced", "ap_search"]].to_numpy(float).ravel(), others)
    values = values[values >= 0]  # neither NaN nor COCO's -1
    if not len(values):
        return 0.0, 1.0
    margin = 0.35 * float(values.max() - values.min()) + 0.01
    return max(0.0, float(values.min()) - margin), min(1.0, float(values.max()) + margin / 3)


def label_cost(ax: Axes, axis: CostAxis, most: float) -> None:
    """Name a cost axis that starts at 0 and ends above `most`; from a million on, figures in millions or billions."""
    unit, size = next(((name, size) for name, size in (("G", 1e9), ("M", 1e6)) if most >= size), ("", 1.0))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / size:,g}"))
    unit = unit or axis.cost.unit
    ax.set_xlabel(f"{axis.label} ({unit})" if unit else axis.label)
    ax.set_xlim(0, 1.06 * most)
