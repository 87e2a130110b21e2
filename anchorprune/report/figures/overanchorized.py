"""Anchor sets against each other: a designed one and an overanchorized one, both pruned, in one plot."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from anchorprune.report.data.manifest import is_pruned
from anchorprune.report.data.section import Section
from anchorprune.report.figures.axes import MACS
from anchorprune.report.figures.fronts import ap_limits, best_by_cost, draw_front, label_cost, searched
from anchorprune.report.figures.style import GREY, LINES, colors

TITLE = "Anchor sets against each other"
CAPTION = (
    "Each colour is an anchor set with its own search: where its steps and diamonds lie above another's, it gives "
    "more AP for the same head MACs."
)


def draw(section: Section) -> Figure:
    """AP over head MACs: a colour per anchor set, a line per search and seed, finished detectors as points."""
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    ax = figure.subplots()
    palette = colors(section.anchor_sets)
    lines = {search: LINES[i % len(LINES)] for i, search in enumerate(section.searches)}
    for (anchor_set, _), training in section.trainings().items():
        _draw(ax, training, palette[anchor_set], lines)
    label_cost(ax, MACS, section.table["macs"].max())
    ax.set_ylabel("AP")
    ax.set_ylim(ap_limits(section.table))
    ax.set_title(section.entries[0]["detector"])
    figure.legend(handles=_handles(palette, lines), loc="outside lower center", ncols=2)
    return figure


def _draw(ax: Axes, training: Section, color: str, lines: dict[str, str]) -> None:
    column, reach = MACS.column, training.table["macs"].max()
    for search in training.searches:
        front = best_by_cost(searched(training, search), column)
        draw_front(ax, front, column, reach, color=color, linewidth=1.4, linestyle=lines[search])
    finished = np.array([is_pruned(entry) for entry in training.entries]) & (training.table["ap"] >= 0)
    unpruned = (training.table["method"] == "") & (training.table["ap"] >= 0)
    full, pruned = training.table[unpruned], training.table[finished]
    ax.scatter(full[column], full["ap"], s=130, marker="*", color=color, edgecolor="black", linewidth=0.6, zorder=5)
    began = full[full["ap_search"] >= 0]
    ax.scatter(began[column], began["ap_search"], s=130, marker="*", color="white", edgecolor=color, zorder=5)
    ax.scatter(pruned[column], pruned["ap"], s=46, marker="D", color=color, edgecolor="white", zorder=4)


def _handles(palette: dict[str, str], lines: dict[str, str]) -> list[Line2D]:
    handles = [Line2D([], [], color=color, linewidth=3, label=f"{name} anchors") for name, color in palette.items()]
    for search, line in lines.items():
        handles.append(Line2D([], [], color=GREY, linestyle=line, label=f"front of search {search} (prune split)"))
    for marker, size, face, label in (
        ("*", 10, GREY, "unpruned, trained as long (test split)"),
        ("*", 10, "white", "unpruned, as searched (prune split)"),
        ("D", 6, GREY, "pruned, finished (test split)"),
    ):
        handles.append(Line2D([], [], linestyle="", marker=marker, color=GREY, mfc=face, markersize=size, label=label))
    return handles
