"""AP against head MACs, a line for each way of training, and differences from the way the others are held against."""

from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from anchorprune.report.data.comparison import WAYS
from anchorprune.report.data.manifest import UNPRUNED
from anchorprune.report.figures.axes import MACS
from anchorprune.report.figures.fronts import label_cost
from anchorprune.report.figures.style import COLORS, LINES, TWO_COLUMNS

TITLE = "Ways of training: AP against head MACs"
CAPTION = (
    "Up and to the left is better: each line is a way of training, each mark the mean over the seeds at a budget, with "
    "the 95% interval over seeds and test images; below are the paired differences, at the same budget, from the way "
    "that the axis names: their intervals are narrower, as images that are hard for one way are hard for all."
)
MARKERS = ("o", "s", "D", "^", "v", "P")
SHIFT = 0.006  # of the MACs' axis: bars of one cost lie beside each other
PANELS = (("ap", "AP (test split)"), ("ap_difference", "AP difference"))


def draw(table: pd.DataFrame) -> Figure:
    """Two panels over one MACs' axis: AP, and its differences; `table` is of one comparison and anchor set."""
    figure = Figure(figsize=(TWO_COLUMNS, 5.4), layout="constrained")
    panels = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    looks = _looks(table)
    methods = [name for name in dict.fromkeys(table["method"]) if name]
    lines = dict(zip(methods, cycle(LINES), strict=False))
    for (name, label), ax in zip(PANELS, panels, strict=True):
        for number, way in enumerate(looks):
            shift = (number - (len(looks) - 1) / 2) * SHIFT * table["macs"].max()
            for method in methods:
                line = {**looks[way], "linestyle": lines[method], "markersize": 5}
                _draw(ax, _points(table, way, method), name, shift, line)
        ax.set_ylabel(label)
    against = next((text for text in table["against"] if text), "")
    if against:
        panels[1].set_ylabel(f"AP less that of\n{against}")
        panels[1].axhline(0, color="black", linewidth=0.7, linestyle=":")
    label_cost(panels[1], MACS, table["macs"].max())
    panels[0].set_title(f"{table['detector'].iloc[0]}, {table['anchor_set'].iloc[0]} anchors")
    figure.legend(handles=_handles(looks, lines), loc="outside lower center", ncols=2)
    return figure


def _looks(table: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Way -> colour and marker; a known way has the same in every figure."""
    ways = [*WAYS.values(), *(way for way in dict.fromkeys(table["way"]) if way not in WAYS.values())]
    looks = zip(ways, cycle(COLORS), cycle(MARKERS), strict=False)
    return {way: {"color": color, "marker": marker} for way, color, marker in looks if way in set(table["way"])}


def _points(table: pd.DataFrame, way: str, method: str) -> pd.DataFrame:
    """A way's rows of a search, and its unpruned detector, cheapest first."""
    of_method = (table["method"] == method) | (table["configuration"] == UNPRUNED)
    return table[(table["way"] == way) & of_method].sort_values("macs", kind="stable")


def _draw(ax: Axes, points: pd.DataFrame, name: str, shift: float, line: dict) -> None:
    points = points[points[name].notna()]
    ends = [(points[name] - points[f"{name}_low"]), (points[f"{name}_high"] - points[name])]
    reach = np.nan_to_num([end.to_numpy(float).clip(0) for end in ends])
    if len(points):
        ax.errorbar(points["macs"] + shift, points[name], reach, capsize=2.5, elinewidth=0.9, linewidth=1.3, **line)


def _handles(looks: dict[str, dict[str, str]], lines: dict[str, str]) -> list[Line2D]:
    handles = [Line2D([], [], label=way, markersize=5, **look) for way, look in looks.items()]
    if len(lines) > 1:
        handles += [Line2D([], [], color="black", linestyle=line, label=name) for name, line in lines.items()]
    return handles
