"""How plots look, and how they are written: the same bytes for the same figures."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from anchorprune.files import whole_file

FORMATS = ("pdf", "svg", "png")
# Okabe and Ito's colours, told apart by colour-blind readers too (https://jfly.uni-koeln.de/color/).
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY = "#9a9a9a"
RC = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e8e8e8",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.hashsalt": "anchorprune",
    "savefig.dpi": 160,
}


def style() -> mpl.RcParams:
    """A context manager with this project's plot style."""
    return mpl.rc_context(RC)


def write_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure as pdf, svg and png; no dates inside."""
    undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {"Software": None}}
    for kind in FORMATS:
        with whole_file(folder / f"{name}.{kind}") as partial:
            figure.savefig(partial, format=kind, metadata=undated[kind], bbox_inches="tight")
