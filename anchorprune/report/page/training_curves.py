"""The losses of an experiment's trainings as lines in the units of an SVG: unpruned and pruned detectors together."""

from dataclasses import dataclass

import numpy as np

from anchorprune.report.data.manifest import Entry, configuration, is_retrained
from anchorprune.report.data.section import Section
from anchorprune.report.data.training_effort import trainings
from anchorprune.report.data.training_log import Losses, read_losses

CURVES_WIDTH, CURVES_HEIGHT = 460, 250
FIRST_X, LAST_X, TOP_Y, BOTTOM_Y = 48, 452, 10, 210  # of the area with the lines
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "1 2")  # in turn, as colours
_STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Curve:
    """A detector's losses: its name, the path of its line, the number of its colour and how it is dashed."""

    name: str
    path: str
    color: int
    dashes: str


@dataclass(frozen=True)
class CurvesPanel:
    """The curves of an anchor set's first seed.

    Attributes:
        anchor_set: its name.
        unit: of the horizontal axis.
        curves: of its detectors.
        x_ticks: place and text of each.
        y_ticks: place and text of each; the axis of losses is logarithmic.
        late: names of the curves whose log lacks the beginning.
    """

    anchor_set: str
    unit: str
    curves: list[Curve]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    late: list[str]


def training_curves(section: Section) -> list[CurvesPanel]:
    """A panel for each anchor set whose trainings left a log with losses."""
    return [panel for name in section.anchor_sets for panel in _panel(section, name)]


def _panel(section: Section, anchor_set: str) -> list[CurvesPanel]:
    entries = [e for e in section.entries if e["anchor_set"] == anchor_set and e["control"] == ""]
    entries = [e for e in entries if e["seed"] == entries[0]["seed"]]
    found = {name: losses for entry in entries for name, losses in _losses(entry).items()}
    units = {losses.unit for losses in found.values()}
    if len(units) != 1:  # none, or what cannot stand on one axis
        return []
    most = max(losses.at[-1] for losses in found.values())
    values = np.concatenate([losses.loss for losses in found.values()])
    values = values[values > 0]
    if not len(values):
        return []
    low, high = float(values.min()) / 1.1, float(values.max()) * 1.1
    curves = [
        Curve(name, _path(losses, most, low, high), i % len(DASHES), DASHES[i % len(DASHES)])
        for i, (name, losses) in enumerate(found.items())
    ]
    late = [name for name, losses in found.items() if losses.begins_late]
    x_ticks = [(_x(value, most), f"{value:,g}") for value in _round_ticks(most)]
    y_ticks = [(_y(value, low, high), f"{value:g}") for value in _log_ticks(low, high)]
    return [CurvesPanel(anchor_set, units.pop(), curves, x_ticks, y_ticks, late)]


def _losses(entry: Entry) -> dict[str, Losses]:
    """Name of a training -> its losses: of an unpruned entry the first training, and its own where it was retrained."""
    needed, found = trainings(entry), {}
    if not entry["method"] and needed.every:
        found["unpruned, first training"] = read_losses(needed.every[0].folder)
    if is_retrained(entry) and needed.history:
        found[f"{configuration(entry)}, again"] = read_losses(needed.history[-1].folder)
    return {name: losses for name, losses in found.items() if losses is not None}


def _x(at: float, most: float) -> float:
    return FIRST_X + (LAST_X - FIRST_X) * at / most


def _y(loss: float, low: float, high: float) -> float:
    return BOTTOM_Y - (BOTTOM_Y - TOP_Y) * np.log(max(loss, low) / low) / np.log(high / low)


def _path(losses: Losses, most: float, low: float, high: float) -> str:
    places = zip(losses.at, losses.loss, strict=True)
    return "M" + "L".join(f"{_x(at, most):.0f} {_y(loss, low, high):.0f}" for at, loss in places)


def _round_ticks(most: float) -> list[float]:
    """From 0, some five of them, at whole multiples of 1, 2 or 5."""
    size = 10.0 ** np.floor(np.log10(most / 4)) if most > 4 else 1.0
    step = next(size * i for i in (*_STEPS, 10) if most / (size * i) <= 6)
    return [float(value) for value in np.arange(0, most + step / 2, step) if value <= most]


def _log_ticks(low: float, high: float) -> list[float]:
    sizes = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [step * 10.0**size for size in sizes for step in _STEPS]
    return [value for value in ticks if low <= value <= high]
