"""What retraining gives back: the AP of each pruned detector before and after, on the test split."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from anchorprune.report.data.manifest import configuration, is_retrained
from anchorprune.report.data.section import Section
from anchorprune.report.figures.fronts import shown
from anchorprune.report.figures.style import COLORS, GREY, ONE_COLUMN, TWO_COLUMNS

TITLE = "What retraining gives back"
CAPTION = (
    "Each line leads from a pruned detector's AP before retraining (ring) to that after it (diamond), both on the "
    "test split, and likewise for the unpruned detector; the dotted line is its AP when it was trained as long."
)
BETTER, WORSE = COLORS[0], COLORS[1]
SEED_SPACING = 0.16  # of a row's height


def draw(section: Section) -> Figure:
    """One panel per anchor set, one row per configuration, one line per seed; the unpruned detector is a line down."""
    panels = [section.where(lambda e, name=name: e["anchor_set"] == name) for name in section.anchor_sets]
    panels = [panel for panel in panels if any(map(is_retrained, panel.entries))]
    rows = max(len(_names(panel)) for panel in panels)
    columns = min(len(panels), 2)
    lines = -(-len(panels) // columns)
    size = (TWO_COLUMNS if columns > 1 else ONE_COLUMN, lines * (0.22 * rows + 0.8) + 0.4)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for ax, panel in zip(axes, panels, strict=False):
        _panel(ax, panel)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    figure.legend(handles=_handles(), loc="outside lower center", ncols=3 if columns > 1 else 2)
    return figure


def _names(panel: Section) -> list[str]:
    return list(dict.fromkeys(configuration(entry) for entry in panel.entries if is_retrained(entry)))


def _panel(ax: Axes, panel: Section) -> None:
    names, seeds = _names(panel), panel.seeds
    for entry, (_, row) in zip(panel.entries, panel.table.iterrows(), strict=True):
        if is_retrained(entry):
            offset = (seeds.index(entry["seed"]) - (len(seeds) - 1) / 2) * SEED_SPACING
            _dumbbell(ax, names.index(configuration(entry)) + offset, row)
    for ap in shown(panel.table[panel.table["method"] == ""]["ap"]).dropna():
        ax.axvline(ap, color="black", linewidth=0.8, linestyle=":")
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("AP (test split)")
    ax.set_title(f"{panel.entries[0]['detector']}, {panel.entries[0]['anchor_set']} anchors")
    ax.margins(x=0.08)


def _dumbbell(ax: Axes, y: float, row: pd.Series) -> None:
    before, after = shown(row[["ap_sliced", "ap"]].astype(float))
    color = BETTER if after >= before else WORSE
    ax.plot([before, after], [y, y], color=color, linewidth=2, zorder=2, solid_capstyle="butt")
    ax.scatter([before], [y], s=22, facecolor="white", edgecolor=color, zorder=3)
    ax.scatter([after], [y], s=26, marker="D", color=color, edgecolor="white", zorder=4)


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], linestyle="", marker="o", mfc="white", mec=GREY, label="before retraining"),
        Line2D([], [], linestyle="", marker="D", color=GREY, label="retrained"),
        Line2D([], [], color="black", linewidth=0.8, linestyle=":", label="unpruned, trained as long"),
    ]
