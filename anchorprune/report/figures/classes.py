"""Which classes pay for the pruning: each class's AP, pruned against unpruned."""

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from anchorprune.report.data.ap_changes import SIZE, ApChange, parts_of
from anchorprune.report.data.manifest import configuration, is_pruned
from anchorprune.report.data.metrics import measured
from anchorprune.report.data.section import Section
from anchorprune.report.figures.style import COLORS, DARK, GREY, ONE_COLUMN, TWO_COLUMNS

TITLE = "What each size and class gains or loses"
CAPTION = (
    "Each bar is the AP of a size or class with the pruned detector less that with the unpruned one that was trained "
    "as long, on the test split, and the line through its end the 95% interval over the images; of several seeds the "
    "means (dots: each). What loses most over all panels comes first; figures are in the table of changes."
)
GAIN, LOSS = COLORS[0], COLORS[1]
SMALL_PANELS_PER_ROW = 5
FEW = 20  # classes; more than these stand closer together
ROW = (0.17, 0.125)  # inches a class, of few and of many
FONT = (7.0, 6.0)  # points
LETTERS = 20  # of a heading's line


def draw(section: Section) -> Figure:
    """A panel per pruned configuration, with the same classes in the same order."""
    changes = part_changes(section)
    means = pd.DataFrame({name: change["ap"].mean(axis=1) for name, change in changes.items()}).mean(axis=1).dropna()
    means = means.sort_values(kind="stable")
    order = sorted(means.index, key=lambda name: not name.startswith(SIZE))  # the sizes on top
    rows = -(-len(changes) // SMALL_PANELS_PER_ROW)
    columns = -(-len(changes) // rows)
    many = int(len(order) > FEW)
    needed = 1.12 * columns + 0.6 * FONT[many] / 72 * max(map(len, order), default=0)
    width = next((width for width in (ONE_COLUMN, TWO_COLUMNS) if width >= needed), needed)
    size = (width, rows * (ROW[many] * max(len(order), 3) + 0.7) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax, (name, change) in zip(axes.flat, changes.items(), strict=False):
        _panel(ax, {end: values.reindex(order) for end, values in change.items()}, FONT[many])
        ax.set_title(_heading(name, section), fontsize=7, parse_math=False)
    for ax in axes.flat[len(changes) :]:
        ax.set_axis_off()
    axes[0, 0].set_yticks(range(len(order)), order, parse_math=False)  # a $ in a name is no formula
    axes[0, 0].set_ylim(max(len(order), 1) - 0.5, -0.5)
    figure.supxlabel("AP less the unpruned detector's (test split)")
    return figure


def part_changes(section: Section) -> dict[str, dict[str, pd.DataFrame]]:
    """Configuration -> `ap`, `low` and `high`: (sizes and classes, seeds) changes of AP; NaN where one has none."""
    found: dict[str, dict[int, dict[str, ApChange]]] = {}
    for entry in filter(is_pruned, section.entries):
        its = measured(entry)
        found.setdefault(configuration(entry), {})[entry["seed"]] = parts_of(its.finished, its.reference)
    return {
        name: {
            end: pd.DataFrame(
                {seed: {part: getattr(c, end) for part, c in parts.items()} for seed, parts in of.items()}
            )
            for end in ("ap", "low", "high")
        }
        for name, of in found.items()
    }


def _panel(ax: Axes, ends: dict[str, pd.DataFrame], font: float) -> None:
    change = ends["ap"]
    mean, low, high = (ends[end].mean(axis=1) for end in ("ap", "low", "high"))
    ax.barh(range(len(mean)), mean, height=0.7, color=np.where(mean < 0, LOSS, GAIN))
    ax.hlines(range(len(mean)), low, high, color=DARK, linewidth=0.9, zorder=2)
    if change.shape[1] > 1:
        for seed in change:
            ax.scatter(change[seed], range(len(mean)), s=5, color=DARK, edgecolor="white", linewidth=0.3, zorder=3)
    ax.axvline(0, color=DARK, linewidth=0.8)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:+.2g}" if value else "0")
    ax.tick_params(axis="y", length=0, labelsize=font)
    ax.tick_params(axis="x", labelbottom=True)
    ax.spines["left"].set_visible(False)
    if mean.empty:
        ax.text(0.5, 0.5, "no AP per class\nwas measured", transform=ax.transAxes, ha="center", va="center", color=GREY)


def _heading(name: str, section: Section) -> str:
    rows = section.table[[is_pruned(e) and configuration(e) == name for e in section.entries]]
    change = rows["ap_change"].mean(skipna=False)
    return fill(name, LETTERS) + (f"\nall: {change:+.3f}" if change == change else "")
