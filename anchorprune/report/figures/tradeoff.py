"""AP against head MACs or boxes: everything that was searched, the front, what came of it, and what was published."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from anchorprune.heads.layout import FIXED
from anchorprune.report.data.manifest import is_retrained
from anchorprune.report.data.published import COST_COLUMNS, number
from anchorprune.report.data.search_results import read_front
from anchorprune.report.data.section import Section
from anchorprune.report.figures.axes import CostAxis
from anchorprune.report.figures.fronts import ap_limits, best_by_cost, draw_front, label_cost, searched, shown
from anchorprune.report.figures.point_names import name_points
from anchorprune.report.figures.style import DARK, GREY, ONE_COLUMN, PANELS_PER_ROW, TWO_COLUMNS, Look, looks

# What a point is -> how scatter draws it; a colour that is not here is the search's.
MARKS = {
    "unpruned": {"marker": "*", "s": 90, "color": "black", "zorder": 6, "clip_on": False},
    "searched": {"marker": "*", "s": 90, "facecolor": "white", "edgecolor": "black", "zorder": 6, "clip_on": False},
    "pruned": {"marker": "D", "s": 30, "edgecolor": "white", "zorder": 5},
    "before": {"marker": "o", "s": 20, "facecolor": "white", "zorder": 4},
    "fixed": {"marker": "s", "s": 26, "color": DARK, "edgecolor": "white", "zorder": 5},
    "kmeans": {"marker": "^", "s": 32, "edgecolor": "white", "zorder": 5},
    "random": {"marker": "v", "s": 32, "edgecolor": "white", "zorder": 5},
    "published": {"marker": "+", "s": 44, "color": "black", "linewidth": 1.1, "zorder": 7},
    "subset": {"marker": ".", "s": 12, "alpha": 0.18, "linewidths": 0},
}
LABELS = {
    "unpruned": "unpruned, trained as long (test split)",
    "searched": "unpruned, as searched (prune split)",
    "pruned": "pruned, finished (test split)",
    "before": "before retraining (test split)",
    "fixed": "fixed layout (test split)",
    "kmeans": "control: as many k-means anchors (test split)",
    "random": "control: random anchors (test split)",
    "published": "published, retrained",
    "subset": "subset searched (prune split)",
}
CORRECTED = {"linewidth": 0.9, "linestyle": (0, (1, 1)), "zorder": 3}
INTERVAL = {"ecolor": DARK, "elinewidth": 0.8, "capsize": 3, "fmt": "none", "zorder": 8}


def draw(section: Section, axis: CostAxis) -> Figure:
    """One panel per training (anchor set and seed): AP over a cost; the panels share the AP axis."""
    trainings = section.trainings()
    columns = min(len(trainings), PANELS_PER_ROW)
    rows = -(-len(trainings) // columns)
    wide = columns > 1
    figure = Figure(
        figsize=(TWO_COLUMNS if wide else ONE_COLUMN, 2.5 * rows + (0.7 if wide else 1.6)), layout="constrained"
    )
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False)
    palette, drawn = looks(section.searches), set()
    for ax, ((anchor_set, seed), training) in zip(axes.flat, trainings.items(), strict=False):
        drawn |= _panel(ax, training, axis, palette)
        detector = training.entries[0]["detector"]
        ax.set_title(f"{detector}, {anchor_set} anchors" + (f", seed {seed}" if len(section.seeds) > 1 else ""))
    for ax in axes.flat[len(trainings) :]:
        ax.set_axis_off()
    for ax in axes[:, 0]:
        ax.set_ylabel("AP")
    published = [number(section.published.row(entry).get("ap_retrained")) for entry in section.entries]
    axes[0, 0].set_ylim(ap_limits(section.table, published))
    figure.legend(handles=_handles(palette, drawn), loc="outside lower center", ncols=3 if wide else 1)
    for ax, training in zip(axes.flat, trainings.values(), strict=False):
        _name_fixed(ax, training, axis)
    return figure


def _panel(ax: Axes, training: Section, axis: CostAxis, palette: dict[str, Look]) -> set[str]:
    """Draw a training; returns which MARKS it has, and `front` where the published front is among it."""
    drawn = _searches(ax, training, axis, palette) | _published(ax, training, axis)
    drawn |= _detectors(ax, training, axis, palette)
    full = training.table[training.table["method"] == ""]
    for ap in shown(full["ap"]).dropna():
        ax.axhline(ap, color="black", linewidth=0.7, linestyle=":")
    costs = [cost for cost in (*training.table[axis.column], ax.dataLim.x1) if np.isfinite(cost)]
    label_cost(ax, axis, max(costs, default=1))
    return drawn


def _searches(ax: Axes, training: Section, axis: CostAxis, palette: dict[str, Look]) -> set[str]:
    reach, drawn = training.table[axis.column].max(), {"subset"} if training.searches else set()
    for search in training.searches:
        subsets = searched(training, search)
        if axis.column not in subsets:  # a search after another cost knows no milliseconds
            continue
        color, line, _ = palette[search]
        ax.scatter(subsets[axis.column], subsets["ap"], color=color, rasterized=True, **MARKS["subset"])
        draw_front(ax, best_by_cost(subsets, axis.column), axis.column, reach, color=color, linestyle=line)
        file = training.file("front", search)
        front = read_front(file) if file else pd.DataFrame()
        if {"ap_corrected", axis.column} <= set(front):
            ax.plot(front[axis.column], front["ap_corrected"], color=color, **CORRECTED)
            drawn.add("corrected")
    return drawn


def _published(ax: Axes, training: Section, axis: CostAxis) -> set[str]:
    drawn = set()
    front = training.published.front(training.entries)
    if front is not None and axis.column in front:
        draw_front(ax, front.sort_values(axis.column), axis.column, color=DARK, linewidth=0.9, linestyle=(0, (6, 2)))
        drawn.add("front")
    rows = [row for row in map(training.published.row, training.entries) if row]
    cost = COST_COLUMNS.get(axis.column)
    points = pd.DataFrame([(number(row.get(cost)), number(row["ap_retrained"])) for row in rows]).dropna()
    if len(points):
        ax.scatter(points[0], points[1], **MARKS["published"])
        drawn.add("published")
    return drawn


def _detectors(ax: Axes, training: Section, axis: CostAxis, palette: dict[str, Look]) -> set[str]:
    drawn, plain = set(), Look(DARK, "-", MARKS["pruned"]["marker"])
    for entry, (_, row) in zip(training.entries, training.table.iterrows(), strict=True):
        kind = entry["control"] or (
            "fixed" if entry["method"] == FIXED else "pruned" if entry["method"] else "unpruned"
        )
        color, _, marker = palette.get(entry["method"], plain)
        if is_retrained(entry) and row["ap_sliced"] >= 0:
            ax.scatter(row[axis.column], row["ap_sliced"], edgecolor=color, **MARKS["before"])
            drawn.add("before")
        if kind == "unpruned" and row["ap_search"] >= 0:  # where the front begins, which is of another split
            ax.scatter(row[axis.column], row["ap_search"], **MARKS["searched"])
            drawn.add("searched")
        if row["ap"] >= 0:
            if row["ap_change_low"] < row["ap_change_high"]:
                reach = [[row["ap_change"] - row["ap_change_low"]], [row["ap_change_high"] - row["ap_change"]]]
                ax.errorbar(row[axis.column], row["ap"], reach, **INTERVAL)
                drawn.add("interval")
            own = {"marker": marker} if kind == "pruned" else {}
            ax.scatter(row[axis.column], row["ap"], **{"color": color, **MARKS[kind], **own})
            drawn.add(kind)
    return drawn


def _name_fixed(ax: Axes, training: Section, axis: CostAxis) -> None:
    """The names of fixed layouts beside their points; the paper's table has all of them."""
    table = training.table[(training.table["ap"] >= 0).to_numpy()]
    fixed = table[table["method"] == FIXED]
    points = list(zip(fixed["label"], fixed[axis.column], fixed["ap"], strict=True))
    others = table[table["method"] != FIXED]
    if points:
        name_points(ax, points, list(zip(others[axis.column], others["ap"], strict=True)))


def _handles(palette: dict[str, Look], drawn: set[str]) -> list[Line2D]:
    marker = {"markersize": 4} if "pruned" in drawn else {"marker": ""}
    handles = [
        Line2D([], [], **{**look._asdict(), **marker}, label=f"search {name} (front: prune split)")
        for name, look in palette.items()
    ]
    if "corrected" in drawn:
        label = "the same, corrected for optimism"
        handles.append(Line2D([], [], color=GREY, linestyle=CORRECTED["linestyle"], linewidth=1, label=label))
    if "front" in drawn:
        handles.append(
            Line2D([], [], color=DARK, linewidth=0.9, linestyle=(0, (6, 2)), label="published front, before retraining")
        )
    handles += [_handle(kind, label) for kind, label in LABELS.items() if kind in drawn]
    if "interval" in drawn:
        label = "95% interval of the change against unpruned"
        handles.append(Line2D([], [], linestyle="", marker="|", color=DARK, markersize=7, label=label))
    return handles


def _handle(kind: str, label: str) -> Line2D:
    mark = MARKS[kind]
    face = mark.get("facecolor", mark.get("color", GREY))
    edge = mark.get("edgecolor", face) if kind == "searched" else "black" if kind == "published" else face
    edge = GREY if kind == "before" else edge
    size = 0.9 * mark["s"] ** 0.5
    return Line2D([], [], linestyle="", marker=mark["marker"], mfc=face, mec=edge, markersize=size, label=label)
