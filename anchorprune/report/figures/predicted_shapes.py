"""The picture of the predicted boxes' shapes: a panel per level, a colour per anchor, their own shapes marked."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.lines import Line2D

from anchorprune.datasets.coco import read_coco
from anchorprune.heads.predictions import Predictions
from anchorprune.report.data.anchor_names import shape_columns
from anchorprune.report.data.section import Section
from anchorprune.report.data.shapes import ShapeCounts, count_shapes, level_of_share, smoothed
from anchorprune.report.figures.figure_kind import has
from anchorprune.report.figures.style import COLORS, DARK, GREY, ONE_COLUMN, PANELS_PER_ROW, TWO_COLUMNS, SteadyLayout

SMALLEST = 5.5  # points
INNER, OUTER = 0.5, 0.9  # shares of an anchor's boxes within the filled and the outer outline
TITLE = "Shapes of the predicted boxes"
CAPTION = (
    "Width and height, on logarithmic axes, of the boxes that each anchor of the unpruned detector predicts: the "
    f"filled region holds {INNER:.0%} of them, a dashed outline {OUTER:.0%}, and the cross, with its index, the "
    "anchor's own shape."
)


def draw(section: Section) -> Figure:
    """Of the first training's full detector: other seeds look the same."""
    entry = next(filter(has("predictions", "annotations"), section.entries))
    opened = Predictions.open(entry["files"]["predictions"])
    return draw_shapes(count_shapes(opened, read_coco(entry["files"]["annotations"])))


def draw_shapes(shapes: ShapeCounts, levels: Sequence[int] | None = None) -> Figure:
    """Width and height of the predicted boxes, input pixels, both axes logarithmic.

    For each anchor the densest region that holds INNER of its boxes is filled, that with OUTER outlined (the latter
    where a level has few anchors), and a cross marks its own shape; beside the axes are the distributions of width and
    height alone, each of the same area.

    Args:
        shapes: the counts.
        levels: which to draw, by number from 0; None: all that have anchors.
    """
    head = shapes.head
    levels = levels or [i for i, level in enumerate(head.levels) if level.anchors]
    rows = -(-len(levels) // PANELS_PER_ROW)
    columns = -(-len(levels) // rows)
    width = TWO_COLUMNS if columns > 1 else ONE_COLUMN
    figure = Figure(figsize=(width, 0.97 * width / columns * rows + 0.6), layout=SteadyLayout())
    grid = figure.add_gridspec(rows, columns)
    names, column = shape_columns(head)
    palette = _palette(len(names))
    for place, level in zip(np.ndindex(rows, columns), levels, strict=False):
        _panel(figure, grid[place], shapes, level, [palette[i] for i in column])
    used = sorted({column[a] for a in range(head.num_anchors) if head.level_of_anchor[a] in levels})
    handles = [Line2D([], [], color=palette[i], linewidth=3, label=names[i]) for i in used]
    handles.append(
        Line2D([], [], linestyle="", marker="X", mfc=GREY, mec="white", markersize=6, label="anchor's shape")
    )
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 4 * columns))
    return figure


def _palette(number: int) -> list:
    """Colours to tell columns apart: the project's, or from a colour map where they are too few."""
    if number <= len(COLORS):
        return list(COLORS[:number])
    return [mpl.colors.to_hex(color) for color in mpl.colormaps["turbo"](np.linspace(0.04, 0.96, number))]


def _panel(figure: Figure, place: SubplotSpec, shapes: ShapeCounts, level: int, colors: list[str]) -> None:
    inner = place.subgridspec(2, 2, width_ratios=(5, 1), height_ratios=(1, 5), wspace=0.02, hspace=0.02)
    ax = figure.add_subplot(inner[1, 0])
    top, side = figure.add_subplot(inner[0, 0], sharex=ax), figure.add_subplot(inner[1, 1], sharey=ax)
    anchors = [a for a, of in enumerate(shapes.head.level_of_anchor) if of == level]
    for anchor in anchors:
        _outlines(ax, shapes, anchor, colors[anchor], outer=len(anchors) <= len(COLORS))
        _marginals(top, side, shapes, anchor, colors[anchor])
    for anchor, shape in zip(anchors, shapes.head.levels[level].anchors, strict=True):
        place = np.log2(shape)
        ax.plot(*place, "X", color=colors[anchor], mec="white", markersize=6, zorder=5)
        ax.annotate(f"#{anchor}", place, (3, 2), textcoords="offset points", fontsize=SMALLEST, color=DARK, zorder=6)
    _dress(ax, top, side, shapes, anchors)
    total = shapes.counts[anchors].sum()
    top.set_title(f"level {level}, stride {shapes.head.levels[level].stride}: {total:,} boxes")


def _outlines(ax: Axes, shapes: ShapeCounts, anchor: int, color: str, outer: bool) -> None:
    if not shapes.counts[anchor].any():
        return
    density = smoothed(shapes.counts[anchor]).T  # rows are heights on the plot
    middles = shapes.middles
    low, high = level_of_share(density, OUTER), level_of_share(density, INNER)
    ax.contourf(middles, middles, density, levels=[high, np.inf], colors=[color], alpha=0.28, zorder=2)
    ax.contour(middles, middles, density, levels=[high], colors=[color], linewidths=1.2, zorder=3)
    if outer and low < high:
        ax.contour(middles, middles, density, levels=[low], colors=[color], linewidths=0.7, linestyles="--", zorder=3)


def _marginals(top: Axes, side: Axes, shapes: ShapeCounts, anchor: int, color: str) -> None:
    counts = shapes.counts[anchor]
    if counts.any():
        widths, heights = counts.sum(1) / counts.sum(), counts.sum(0) / counts.sum()
        top.stairs(widths, shapes.edges, color=color, linewidth=1)
        side.stairs(heights, shapes.edges, color=color, linewidth=1, orientation="horizontal")


def _dress(ax: Axes, top: Axes, side: Axes, shapes: ShapeCounts, anchors: list[int]) -> None:
    """Limits around what is there, ticks at powers of two, bare axes beside."""
    low, high = _extent(shapes, anchors)
    ticks = np.arange(np.ceil(low), np.floor(high) + 1)
    for set_limits, set_ticks in ((ax.set_xlim, ax.set_xticks), (ax.set_ylim, ax.set_yticks)):
        set_limits(low, high)
        set_ticks(ticks, [f"{2**tick:g}" for tick in ticks])
    ax.plot([low, high], [low, high], color=DARK, linewidth=0.5, linestyle=":", zorder=1)
    ax.set_xlabel("width (input pixels)")
    ax.set_ylabel("height (input pixels)")
    for beside in (top, side):
        beside.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)
        beside.grid(visible=False)
        beside.spines[:].set_visible(False)
    counts = shapes.counts[anchors]
    top.set_ylim(0, _height(counts.sum(2)))
    side.set_xlim(0, _height(counts.sum(1)))


def _height(counts: np.ndarray) -> float:
    """Where to end the axis of (a, B) distributions: boxes cut off at the image's border make bins far too high."""
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    return 1.25 * float(np.percentile(shares[shares > 0], 97)) if counts.any() else 1.0


def _extent(shapes: ShapeCounts, anchors: list[int]) -> tuple[float, float]:
    """Limits, in powers of two, around all but the outermost hundredth of a level's boxes, and its anchors."""
    counts = shapes.counts[anchors].sum(0)
    both = counts.sum(0) + counts.sum(1)
    sizes = [size for a, size in enumerate(_anchor_sizes(shapes)) if a in anchors]
    low, high = np.log2(np.min(sizes)), np.log2(np.max(sizes))
    if both.any():
        share = np.cumsum(both) / both.sum()
        low = min(low, shapes.edges[np.searchsorted(share, 0.01)])
        high = max(high, shapes.edges[np.searchsorted(share, 0.99) + 1])
    return low - 0.3, high + 0.3


def _anchor_sizes(shapes: ShapeCounts) -> list[tuple[float, float]]:
    return [anchor for level in shapes.head.levels for anchor in level.anchors]
