"""Which anchors each search does without first: a heat map over level and shape."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from anchorprune.heads.cost import cost
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.report.data.anchor_names import shape_columns
from anchorprune.report.data.search_results import read_front
from anchorprune.report.data.section import Section

TITLE = "Which anchors go first"
CAPTION = (
    "Each cell is an anchor and its figure the share of budgets, from the cheapest found to the full head, at "
    "which the search does without it: 100% is never kept, 0% always."
)
COLORMAP = "viridis"  # reads the same for colour-blind readers


def removal_shares(front: pd.DataFrame, head: Head) -> np.ndarray:
    """How early a search's front does without each anchor.

    For a budget, the front's choice is its dearest member within it. Over all budgets from the cheapest member's cost
    to the full head's, evenly spread, an anchor's figure is the share at which the choice goes without it: 1 for an
    anchor that is in no member, 0 for one in all; a front that gives up anchors one by one ranks them by it. The cost
    is the one the front falls with: head MACs, or boxes.

    Args:
        front: columns kept, macs, boxes of a front.
        head: the full detector's.

    Returns:
        (A,) float64 in 0..1.
    """
    layouts = [Layout.keep(head, map(int, kept.split())) for kept in front["kept"]]
    column = "macs" if front["macs"].is_monotonic_decreasing else "boxes"
    order = np.argsort(front[column].to_numpy(), kind="stable")
    costs = np.append(front[column].to_numpy(np.float64)[order], getattr(cost(Layout.full(head)), column))
    weights = np.diff(costs)
    kept = np.array([np.isin(np.arange(head.num_anchors), layouts[i].kept) for i in order])
    if not weights.sum():
        return (~kept).mean(0)  # the full head is the front's only member
    return weights @ ~kept / weights.sum()


def draw(section: Section) -> Figure:
    """Panels: a row per anchor set, a column per search; each the mean over the seeds."""
    searches = [name for name in section.searches if section.file("front", name)]
    sets = [section.where(lambda e, name=name: e["anchor_set"] == name) for name in section.anchor_sets]
    heads = [Head.load(part.file("head")) for part in sets]
    widest = max(len(shape_columns(head)[0]) for head in heads)
    tallest = max(len(head.levels) for head in heads)
    size = (max((0.5 * widest + 1.1) * len(searches), 4.5), (0.42 * tallest + 1.3) * len(sets) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(sets), len(searches), squeeze=False)
    for row, part, head in zip(axes, sets, heads, strict=True):
        for ax, search in zip(row, searches, strict=True):
            image = _panel(ax, _mean_shares(part, search, head), head)
            ax.set_title(f"{part.entries[0]['anchor_set']} anchors\nsearch {search}", fontsize=8.5)
    figure.supxlabel("anchors of a level by width:height and size (#1 the smallest), or by number", fontsize=8)
    bar = figure.colorbar(image, ax=axes, fraction=0.03, pad=0.01)
    bar.set_label("share of budgets without it")
    bar.outline.set_visible(False)
    return figure


def _mean_shares(part: Section, search: str, head: Head) -> np.ndarray:
    files = [training.file("front", search) for training in part.trainings().values()]
    return np.mean([removal_shares(read_front(path), head) for path in files if path], axis=0)


def _panel(ax: Axes, shares: np.ndarray, head: Head):
    names, columns = shape_columns(head)
    cells = np.full((len(head.levels), len(names)), np.nan)
    cells[head.level_of_anchor, columns] = shares
    image = ax.imshow(cells, cmap=COLORMAP, vmin=0, vmax=1, aspect="auto")
    for (level, column), share in np.ndenumerate(cells):
        if not np.isnan(share):
            color = "black" if share > 0.5 else "white"
            ax.text(column, level, f"{share:.0%}", ha="center", va="center", fontsize=6.5, color=color)
    ax.set_xticks(range(len(names)), names, rotation=90 if len(names) > 6 else 0)
    ax.set_yticks(range(len(head.levels)), [f"stride {level.stride}" for level in head.levels])
    ax.tick_params(length=0, labelsize=7.5)
    ax.grid(visible=False)
    ax.hlines(np.arange(len(cells) + 1) - 0.5, -0.5, len(names) - 0.5, color="white", linewidth=1.5)
    ax.vlines(np.arange(len(names) + 1) - 0.5, -0.5, len(cells) - 0.5, color="white", linewidth=1.5)
    ax.spines[:].set_visible(False)
    return image
