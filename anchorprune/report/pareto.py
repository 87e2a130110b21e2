"""The Pareto plot: AP against head MACs of everything that was searched, the front and what came of it."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from anchorprune.report.results import read_evaluated
from anchorprune.report.style import COLORS, GREY, style, write_figure


def write_pareto(experiment: str, manifest: list[dict[str, Any]], table: pd.DataFrame, folder: Path) -> None:
    """Write `pareto-EXPERIMENT`: one panel per training (anchor set and seed).

    Args:
        experiment: which one.
        manifest: entries of the report's manifest.
        table: the results table, its rows in the manifest's order.
        folder: where the files go.
    """
    chosen = [i for i, entry in enumerate(manifest) if entry["experiment"] == experiment]
    panels: dict[tuple[str, int], list[int]] = {}
    for i in chosen:
        panels.setdefault((manifest[i]["anchor_set"], manifest[i]["seed"]), []).append(i)
    with style():
        figure = Figure(figsize=(4.6 * len(panels), 3.9), layout="constrained")
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for ax, ((anchor_set, seed), rows) in zip(axes, panels.items(), strict=True):
            _panel(ax, [manifest[i] for i in rows], table.iloc[rows])
            detector = manifest[rows[0]]["detector"]
            ax.set_title(f"{detector}, {anchor_set} anchors" + (f", seed {seed}" if len(panels) > 2 else ""))
        axes[0].set_ylabel("AP")
        axes[0].set_ylim(_ap_range(table.iloc[chosen]))
        _legend(figure, manifest, chosen)
        write_figure(figure, folder, f"pareto-{experiment}")


def _panel(ax: Axes, entries: list[dict[str, Any]], table: pd.DataFrame) -> None:
    unit = 1e9 if table["macs"].max() >= 1e9 else 1e6
    searches = list(dict.fromkeys(entry["method"] for entry in entries if entry["method"]))
    for color, search in zip(COLORS, searches, strict=False):
        files = next(entry["files"] for entry in entries if entry["method"] == search)
        evaluated = read_evaluated(Path(files["evaluated"]))
        front = pd.read_csv(files["front"]).sort_values("macs")
        ax.scatter(evaluated["macs"] / unit, evaluated["ap"], s=5, color=color, alpha=0.18, linewidths=0)
        ax.step(front["macs"] / unit, front["ap"], where="post", color=color, linewidth=1.4)
        pruned = table[table["method"] == search]
        ax.scatter(pruned["macs"] / unit, pruned["ap"], s=46, marker="D", color=color, edgecolor="white", zorder=3)
        ax.scatter(
            pruned["macs"] / unit, pruned["ap_sliced"], s=34, marker="o", facecolor="white", edgecolor=color, zorder=3
        )
    full = table[table["method"] == ""].iloc[0]
    ax.axhline(full["ap"], color="black", linewidth=0.7, linestyle=":")
    ax.scatter([full["macs"] / unit], [full["ap"]], s=130, marker="*", color="black", zorder=4)
    ax.set_xlabel(f"head MACs ({'G' if unit == 1e9 else 'M'})")
    ax.set_xlim(left=0)


def _ap_range(table: pd.DataFrame) -> tuple[float, float]:
    """Limits that show every detector, and enough below for the front's bend; the panels share them."""
    figures = table[["ap", "ap_sliced", "ap_search"]]
    low, high = figures.min(axis=None), figures.max(axis=None)
    margin = 0.35 * (high - low) + 0.01
    return max(0.0, low - margin), min(1.0, high + margin / 3)


def _legend(figure: Figure, manifest: list[dict[str, Any]], chosen: list[int]) -> None:
    searches = list(dict.fromkeys(manifest[i]["method"] for i in chosen if manifest[i]["method"]))
    entries = [Line2D([], [], color=c, label=f"search {s}") for c, s in zip(COLORS, searches, strict=False)]
    marks = (
        ("*", "black", 11, "unpruned (test split)"),
        ("D", GREY, 6, "pruned, finished (test split)"),
        ("o", "white", 6, "pruned, before retraining (test split)"),
        (".", GREY, 5, "subset searched (prune split)"),
    )
    for marker, face, size, label in marks:
        entries.append(Line2D([], [], linestyle="", marker=marker, mfc=face, mec=GREY, markersize=size, label=label))
    entries.append(Line2D([], [], color=GREY, label="front of the search (prune split)"))
    figure.legend(handles=entries, loc="outside lower center", ncols=3)
