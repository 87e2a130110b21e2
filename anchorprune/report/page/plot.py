"""The trade-off plot's geometry: AP against a cost in the units of an SVG, ready for a template to write."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from anchorprune.report.data.detector_facts import DetectorFacts
from anchorprune.report.data.plotted_costs import PLOTTED_COSTS
from anchorprune.report.data.published import COST_COLUMNS, number
from anchorprune.report.data.section import Section
from anchorprune.report.figures.fronts import ap_limits, best_by_cost, searched
from anchorprune.report.page.plot_points import Point, named

WIDTH, HEIGHT = 760, 430
LEFT, RIGHT, TOP, BOTTOM = 66, 742, 14, 372  # of the area with the points
AREA = (LEFT, TOP - 6, WIDTH, BOTTOM)  # of the points' names
UNITS = (("G", 1e9), ("M", 1e6), ("", 1.0))


@dataclass(frozen=True)
class Scale:
    """Where costs and APs lie: cost 0 at LEFT, `most` at RIGHT, AP `low` at BOTTOM, `high` at TOP."""

    most: float
    low: float
    high: float

    def x(self, cost: float) -> float:
        return LEFT + (RIGHT - LEFT) * cost / self.most

    def y(self, ap: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (ap - self.low) / (self.high - self.low)

    def shows(self, cost: float, ap: float) -> bool:
        return 0 <= cost <= self.most and self.low <= ap <= self.high


@dataclass
class Plot:
    """AP against one cost. Paths are of SVG; colours are numbers.

    Attributes:
        cost: name of the cost.
        title: of its axis.
        scale: of both axes.
        x_ticks: place and text of each.
        y_ticks: place and text of each.
        points: a detector each.
        subsets: path of dots, and colour: what a search scored.
        fronts: path and colour: the best of them at each cost.
        published_front: path; "" without.
        published: places of published, retrained detectors.
        levels: heights of the unpruned detectors.
    """

    cost: str
    title: str
    scale: Scale
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    points: list[Point]
    subsets: list[tuple[str, int]] = field(default_factory=list)
    fronts: list[tuple[str, int]] = field(default_factory=list)
    published_front: str = ""
    published: list[tuple[float, float]] = field(default_factory=list)
    levels: list[float] = field(default_factory=list)


def plots(section: Section, facts: list[DetectorFacts], names: list[str], colors: dict) -> list[Plot]:
    """A plot for each cost that every detector of an experiment has.

    Args:
        section: the experiment.
        facts: its detectors.
        names: short names to stand beside them.
        colors: (anchor set, search) -> number of its colour.
    """
    measured = [one for one in facts if one.ap >= 0]
    known = [cost for cost in PLOTTED_COSTS if measured and all(cost in one.costs for one in measured)]
    return [_plot(cost, section, facts, names, colors) for cost in known]


def _plot(cost: str, section: Section, facts: list[DetectorFacts], names: list[str], colors: dict) -> Plot:
    shown = [row for row in map(section.published.row, section.entries) if row]
    theirs = [(number(row.get(COST_COLUMNS.get(cost, ""))), number(row["ap_retrained"])) for row in shown]
    theirs = [pair for pair in theirs if pair[0] >= 0 and pair[1] >= 0]
    most = max([one.costs.get(cost, 0) for one in facts] + [price for price, _ in theirs])
    ends = [end for one in facts if one.ap >= 0 for end in _interval(one)]
    scale = Scale(1.04 * most or 1.0, *ap_limits(section.table, [ap for _, ap in theirs] + ends))
    unit, size = next(((unit, size) for unit, size in UNITS if most >= size), UNITS[-1])
    unit = unit or PLOTTED_COSTS[cost].unit
    plot = Plot(
        cost,
        PLOTTED_COSTS[cost].label + (f" ({unit})" if unit else ""),
        scale,
        [(scale.x(value), f"{value / size:,g}") for value in _ticks(0, scale.most)],
        [(scale.y(value), text) for value, text in _ap_ticks(scale)],
        named([_point(i, one, cost, scale) for i, one in enumerate(facts) if one.ap >= 0], names, AREA),
        published=[(scale.x(price), scale.y(ap)) for price, ap in theirs],
        levels=[scale.y(one.ap) for one in facts if one.kind == "unpruned" and one.ap >= 0],
    )
    for (anchor_set, _), training in section.trainings().items():
        _add_searches(plot, training, anchor_set, colors)
    return plot


def _ap_ticks(scale: Scale) -> list[tuple[float, str]]:
    """APs with as many digits as tell them exactly."""
    values = _ticks(scale.low, scale.high)
    digits = next((n for n in (2, 3) if all(abs(value - round(value, n)) < 1e-9 for value in values)), 4)
    return [(value, f"{value:.{digits}f}") for value in values]


def _ticks(low: float, high: float) -> list[float]:
    values = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(value) for value in values if low <= value <= high]


def _interval(one: DetectorFacts) -> tuple[float, ...]:
    """The ends of the interval of a detector's change, where its AP is; empty where there is none."""
    low, high = (one.ap - one.change.ap + end for end in (one.change.low, one.change.high))
    return (low, high) if low < high else ()


def _point(number: int, one: DetectorFacts, cost: str, scale: Scale) -> Point:
    return Point(
        number,
        scale.x(one.costs[cost]),
        scale.y(one.ap),
        tuple(map(scale.y, _interval(one))) or None,
        scale.y(one.ap_before) if one.ap_before >= 0 else None,
    )


def _add_searches(plot: Plot, training: Section, anchor_set: str, colors: dict) -> None:
    """Add what a training's searches scored and their fronts, and the published front."""
    scale = plot.scale
    for search in training.searches:
        subsets = searched(training, search)
        if plot.cost not in subsets:  # no search counts parameters, and one after another cost no milliseconds
            continue
        color, kept = colors[anchor_set, search], subsets["ap"] >= scale.low
        plot.subsets.append((_dots(subsets[kept], plot.cost, scale), color))
        plot.fronts.append((_steps(best_by_cost(subsets, plot.cost), plot.cost, scale), color))
    front = training.published.front(training.entries)
    if front is not None and plot.cost in front and not plot.published_front:
        plot.published_front = _steps(front.sort_values(plot.cost), plot.cost, scale)


def _dots(subsets: pd.DataFrame, cost: str, scale: Scale) -> str:
    """Dots of a line without length; those that fall on one whole unit are one."""
    places = np.stack([scale.x(subsets[cost].to_numpy(float)), scale.y(subsets["ap"].to_numpy(float))], 1)
    places = np.unique(places.round().astype(int), axis=0)
    moves = np.diff(places, axis=0, prepend=places[:0] if not len(places) else [[0, 0]])
    return "".join(f"m{x} {y}h0" for x, y in moves.tolist())


def _steps(front: pd.DataFrame, cost: str, scale: Scale) -> str:
    """Steps: at a cost, the AP of the best subset that is no dearer; what lies below the plot is left out."""
    places = [(scale.x(x), scale.y(ap)) for x, ap in zip(front[cost], front["ap"], strict=True) if scale.shows(x, ap)]
    if not places:
        return ""
    (x, y), *others = places
    return f"M{x:.1f} {y:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in others) + f"H{RIGHT}"
