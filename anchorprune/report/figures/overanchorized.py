"""Anchor sets against each other: a designed one and an overanchorized one, both pruned, in one plot."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from anchorprune.report.data.manifest import is_pruned
from anchorprune.report.data.section import Section
from anchorprune.report.figures.axes import MACS
from anchorprune.report.figures.fronts import ap_limits, best_by_cost, draw_front, label_cost, searched
from anchorprune.report.figures.style import GREY, ONE_COLUMN, Look, looks

TITLE = "Anchor sets against each other"
CAPTION = (
    "Each colour is an anchor set with its own search: where its steps and diamonds lie above another's, it gives "
    "more AP for the same head MACs."
)


def draw(section: Section) -> Figure:
    """AP over head MACs: a colour per anchor set, a line per search and seed, finished detectors as points."""
    figure = Figure(figsize=(ONE_COLUMN, 3.9), layout="constrained")
    ax = figure.subplots()
    sets = looks(section.anchor_sets)
    keys = [(anchor_set, search) for search in section.searches for anchor_set in section.anchor_sets]
    lines = {key: look._replace(color=sets[key[0]].color) for key, look in looks(keys).items()}
    for (anchor_set, _), training in section.trainings().items():
        _draw(ax, training, anchor_set, sets[anchor_set], lines)
    label_cost(ax, MACS, section.table["macs"].max())
    ax.set_ylabel("AP")
    ax.set_ylim(ap_limits(section.table))
    ax.set_title(section.entries[0]["detector"])
    figure.legend(handles=_handles(sets, lines), loc="outside lower center", ncols=1)
    return figure


def _draw(ax: Axes, training: Section, name: str, look: Look, lines: dict[tuple[str, str], Look]) -> None:
    color, _, marker = look
    column, reach = MACS.column, training.table["macs"].max()
    for search in training.searches:
        front = best_by_cost(searched(training, search), column)
        draw_front(ax, front, column, reach, color=color, linestyle=lines[name, search].linestyle)
    finished = np.array([is_pruned(entry) for entry in training.entries]) & (training.table["ap"] >= 0)
    unpruned = (training.table["method"] == "") & (training.table["ap"] >= 0)
    full, pruned = training.table[unpruned], training.table[finished]
    ax.scatter(full[column], full["ap"], s=80, marker="*", color=color, edgecolor="black", linewidth=0.6, zorder=5)
    began = full[full["ap_search"] >= 0]
    ax.scatter(began[column], began["ap_search"], s=80, marker="*", color="white", edgecolor=color, zorder=5)
    ax.scatter(pruned[column], pruned["ap"], s=36, marker=marker, color=color, edgecolor="white", zorder=4)


def _handles(sets: dict[str, Look], lines: dict[tuple[str, str], Look]) -> list[Line2D]:
    handles = [
        Line2D(
            [], [], linestyle="", marker=look.marker, color=look.color, markersize=5, label=f"{name} anchors, pruned"
        )
        for name, look in sets.items()
    ]
    for (name, search), look in lines.items():
        label = f"{name} anchors, front of search {search} (prune split)"
        handles.append(Line2D([], [], color=look.color, linestyle=look.linestyle, label=label))
    for face, label in (
        (GREY, "unpruned, trained as long (test split)"),
        ("white", "unpruned, as searched (prune split)"),
    ):
        handles.append(Line2D([], [], linestyle="", marker="*", color=GREY, mfc=face, markersize=8, label=label))
    return handles
