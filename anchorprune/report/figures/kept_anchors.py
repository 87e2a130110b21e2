"""A picture of each layout: the anchors' shapes per level, kept and removed."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.report.data.manifest import Entry, configuration
from anchorprune.report.data.section import Section
from anchorprune.report.figures.style import COLORS, GREY, TWO_COLUMNS, faded
from anchorprune.report.tables.results_table import format_macs

TITLE = "The anchors that are kept"
CAPTION = (
    "Each row is a pruned detector and each panel a level, all to one scale: the frame is the input image, its grid "
    "lines an eighth of it apart. Filled anchors are kept, dashed ones are removed."
)
KEPT, REMOVED = COLORS[0], COLORS[1]
_CELLS = 8  # of the grid, across the image


def draw(section: Section) -> Figure:
    """A row of panels per pruned detector, a panel per level."""
    pruned = section.where(lambda entry: "layout" in entry["files"])
    layouts = [_layout(entry["files"]) for entry in pruned.entries]
    columns = max(len(layout.head.levels) for layout in layouts)
    figure = Figure(
        figsize=(TWO_COLUMNS, (TWO_COLUMNS / max(columns, 4) + 0.3) * len(layouts) + 0.3), layout="constrained"
    )
    rows = figure.subfigures(len(layouts), 1, squeeze=False)[:, 0]
    for i, (row, layout) in enumerate(zip(rows, layouts, strict=True)):
        row.suptitle(_title(pruned.entries[i], pruned.table.iloc[i]), x=0.01, ha="left")
        for level, ax in enumerate(row.subplots(1, columns, squeeze=False)[0]):
            ax.set_axis_off()
            if level < len(layout.head.levels):
                _draw_level(ax, layout, level)
    figure.legend(handles=_handles(), loc="outside lower center", ncols=2)
    return figure


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], color=KEPT, linewidth=1.6, label="kept"),
        Line2D([], [], color=REMOVED, linewidth=0.9, linestyle="--", label="removed"),
    ]


def _layout(files: dict[str, str]) -> Layout:
    return Layout.load(files["layout"], Head.load(files["head"]))


def _draw_image(ax: Axes, head: Head) -> None:
    """The input image, centred, with its grid; panels of one head show the same part of the plane."""
    width, height = head.input_size
    sizes = [(width, height), *(anchor for level in head.levels for anchor in level.anchors)]
    ax.set_xlim(*(0.52 * max(size[0] for size in sizes) * sign for sign in (-1, 1)))
    ax.set_ylim(*(0.52 * max(size[1] for size in sizes) * sign for sign in (1, -1)))  # rows of pixels go down
    ax.set_aspect("equal")
    for i in range(_CELLS + 1):
        line = {"color": GREY, "linewidth": 0.8 if i in (0, _CELLS) else 0.25, "zorder": 0}
        x, y = ((i / _CELLS - 0.5) * side for side in (width, height))
        ax.plot([x, x], [-height / 2, height / 2], **line)
        ax.plot([-width / 2, width / 2], [y, y], **line)


def _draw_level(ax: Axes, layout: Layout, level: int) -> None:
    _draw_image(ax, layout.head)
    anchors, kept = layout.head.levels[level].anchors, layout.kept_per_level[level]
    for position, (width, height) in sorted(enumerate(anchors), key=lambda item: item[0] in kept):
        stays = position in kept
        line = {"edgecolor": KEPT, "linewidth": 1.2} if stays else {"edgecolor": REMOVED, "linewidth": 0.8}
        ax.add_patch(
            Rectangle(
                (-width / 2, -height / 2),
                width,
                height,
                fill=stays,
                facecolor=faded(KEPT, 0.06),
                linestyle="-" if stays else "--",
                **line,
            )
        )
    ax.text(
        0.5,
        -0.02,
        f"stride {layout.head.levels[level].stride}: {len(kept)} of {len(anchors)}",
        transform=ax.transAxes,
        ha="center",
        va="top",
        fontsize=7,
        color="black" if kept else GREY,
    )


def _title(entry: Entry, row: pd.Series) -> str:
    ap = f", AP {row['ap']:.3f}" if row["ap"] >= 0 else ""
    return (
        f"{entry['anchor_set']} anchors, seed {entry['seed']}, {configuration(entry)}: "
        f"{row['anchors']} anchors, {format_macs(row['macs'])} MACs{ap}"
    )
