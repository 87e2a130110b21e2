"""How plots look, and how they are written: the same bytes for the same figures."""

import logging
from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import Bbox

from anchorprune.files import whole_file
from anchorprune.report.figures.figure_kind import FIGURE_FORMATS

# Okabe and Ito's colours, told apart by colour-blind readers too (https://jfly.uni-koeln.de/color/).
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY = "#9a9a9a"
DARK = "#3c3c3c"
LINES = ("-", "--", ":", "-.")  # of searches, in turn
PANELS_PER_ROW = 3  # of wide panels
ONE_COLUMN, TWO_COLUMNS = (
    3.5,
    7.16,
)  # inches: widths of a figure in a paper of two columns (IEEE; Elsevier's are 3.54, 7.48)


def colors(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, in order; from the first again when they run out."""
    return dict(zip(names, cycle(COLORS), strict=False))


class Look(NamedTuple):
    """How a line and its marks look."""

    color: str
    linestyle: str
    marker: str


def looks(names: Iterable[str], markers: tuple[str, ...] = ("D", "P", "X", "h", "p", "8")) -> dict[str, Look]:
    """A colour, a kind of line and a marker for each name, in order: what a colour says, the others say in grey."""
    return {name: Look(*look) for name, *look in zip(names, cycle(COLORS), cycle(LINES), cycle(markers), strict=False)}


def faded(color: str, opacity: float) -> tuple[float, float, float, float]:
    """A colour (`#rrggbb`) with an opacity in 0..1."""
    return (*mpl.colors.to_rgb(color), opacity)


def style() -> mpl.RcParams:
    """A context manager with this project's plot style, paper.mplstyle."""
    return mpl.rc_context(fname=Path(__file__).with_name("paper.mplstyle"))


class SteadyLayout(ConstrainedLayoutEngine):
    """Matplotlib's constrained layout, with positions rounded to billionths of the figure.

    Its solver goes through its variables in the order of their addresses. With nested grids the last bits of the
    positions then differ from run to run, and with them the bytes of a file.
    """

    def execute(self, fig: Figure) -> None:
        super().execute(fig)
        for ax in fig.axes:
            corners = ax.get_position(original=True).get_points()
            ax.set_position(Bbox(corners.round(9)), which="original")
            ax.set_in_layout(True)  # to set a position takes it out


def write_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure as pdf, svg and png; no dates inside."""
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # each table of a font that goes into a PDF has a line
    undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {"Software": None}}
    for kind in FIGURE_FORMATS:
        with whole_file(folder / f"{name}.{kind}") as partial:
            figure.savefig(partial, format=kind, metadata=undated[kind])
