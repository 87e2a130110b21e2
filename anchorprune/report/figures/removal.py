"""Which anchors each search does without first: a heat map over level and shape."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from anchorprune.heads.cost import cost
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.report.data.anchor_labels import anchor_labels
from anchorprune.report.data.anchor_names import shape_columns
from anchorprune.report.data.search_results import read_front
from anchorprune.report.data.section import Section
from anchorprune.report.figures.style import TWO_COLUMNS

TITLE = "Which anchors go first"
CAPTION = (
    "Each cell is an anchor, by its index and its width x height in input pixels, and its figure the share of budgets, "
    "from the cheapest found to the full head, at which the search does without it: 100% is never kept, 0% always."
)
COLORMAP = "viridis"  # reads the same for colour-blind readers, and from dark to light in grey
MOST = 16  # cells of a row: a level of more anchors goes on in the next
BESIDE = 1.25  # inches of the levels' names and the bar
ROW, LEAST = 0.4, 1.9  # inches, of a row and of the figure: the bar's name takes as much
LARGEST_FONT, LETTER = 7.0, 0.7  # points; a letter's width for its height


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
    """A panel per anchor set and search, one below the other; each the mean over the seeds."""
    searches = [name for name in section.searches if section.file("front", name)]
    sets = [section.where(lambda e, name=name: e["anchor_set"] == name) for name in section.anchor_sets]
    panels = [(part, search, Head.load(part.file("head"))) for part in sets for search in searches]
    heights = [max(_cells(head)[0]) + 1 for _, _, head in panels]
    size = (TWO_COLUMNS, max(sum(ROW * rows + 0.3 for rows in heights), LEAST))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for ax, (part, search, head) in zip(axes, panels, strict=True):
        image = _panel(ax, _mean_shares(part, search, head), head)
        ax.set_title(f"{part.entries[0]['anchor_set']} anchors, search {search}")
    bar = figure.colorbar(image, ax=axes, fraction=0.03, pad=0.01, aspect=30)
    bar.set_label("share of budgets without it")
    bar.outline.set_visible(False)
    return figure


def _mean_shares(part: Section, search: str, head: Head) -> np.ndarray:
    files = [training.file("front", search) for training in part.trainings().values()]
    return np.mean([removal_shares(read_front(path), head) for path in files if path], axis=0)


def _cells(head: Head) -> tuple[list[int], list[int], list[str]]:
    """The row and the column of each anchor, and the rows' names: a level each, where it has room in one.

    Anchors of one shape share a column; where there are too many shapes, a level's anchors stand in their order.
    """
    names, columns = shape_columns(head)
    if len(names) <= MOST:
        return list(head.level_of_anchor), columns, [f"stride {level.stride}" for level in head.levels]
    rows, columns, labels = [], [], []
    for level in head.levels:
        places = range(len(level.anchors))
        rows += [len(labels) + place // MOST for place in places]
        columns += [place % MOST for place in places]
        labels += [f"stride {level.stride}"] + [""] * ((len(places) - 1) // MOST)
    return rows, columns, labels


def _panel(ax: Axes, shares: np.ndarray, head: Head):
    rows, columns, labels = _cells(head)
    width = max(columns) + 1
    cells = np.full((len(labels), width), np.nan)
    cells[rows, columns] = shares
    image = ax.imshow(cells, cmap=COLORMAP, vmin=0, vmax=1, aspect="auto")
    names = [name.replace(" ", "\n") for name in anchor_labels(head)]
    letters = max(len(line) for name in names for line in name.split("\n"))
    font = min(LARGEST_FONT, 72 * (TWO_COLUMNS - BESIDE) / width / (LETTER * letters))
    for row, column, name, share in zip(rows, columns, names, shares, strict=True):
        color = "black" if share > 0.5 else "white"
        ax.text(column, row, f"{name}\n{share:.0%}", ha="center", va="center", fontsize=font, color=color)
    ax.set_xticks([])
    ax.set_yticks(range(len(labels)), labels)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.hlines(np.arange(len(cells) + 1) - 0.5, -0.5, width - 0.5, color="white", linewidth=1.5)
    ax.vlines(np.arange(width + 1) - 0.5, -0.5, len(cells) - 0.5, color="white", linewidth=1.5)
    ax.spines[:].set_visible(False)
    return image
