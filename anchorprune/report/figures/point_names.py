"""Names beside points of a plot, where there is room for them: no name lies on another or on a point."""

from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

from anchorprune.report.figures.style import DARK

HALO = withStroke(linewidth=2, foreground="white")
FONT, POINT = 6.5, 4.0  # points: of the text, and half of a mark's width
# Where a name may stand: from the mark's middle to the name's, in halves of the mark and of the name.
_PLACES = ((1, 0), (1, 1), (1, -1), (-1, 0), (-1, 1), (-1, -1), (0, 1), (0, -1))


def name_points(ax: Axes, points: list[tuple[str, float, float]], others: list[tuple[float, float]]) -> list[str]:
    """Write names beside points, at the first place that is free; returns those that found none and stay away.

    The figure is laid out first, since only then is known how large a name is beside the others.

    Args:
        ax: the axes, with all that is drawn in them but the names.
        points: (name, x, y), in data.
        others: further points that no name may lie on.
    """
    figure, left = ax.figure, []
    figure.draw_without_rendering()
    scale, frame = figure.dpi / 72, ax.get_window_extent()
    taken = [_around(ax, x, y, POINT * scale) for x, y in [*((x, y) for _, x, y in points), *others]]
    for name, x, y in points:
        text = ax.annotate(name, (x, y), (0, 0), textcoords="offset points", fontsize=FONT, color=DARK, zorder=8)
        text.set(path_effects=[HALO], ha="left", va="bottom", in_layout=False)
        box = text.get_window_extent()
        places = [_shift(box, across, up, scale) for across, up in _PLACES]
        place = next((p for p in places if _fits(box.translated(*p), frame, taken)), None)
        if place is None:
            text.remove()
            left.append(name)
        else:
            text.set_position((place[0] / scale, place[1] / scale))
            taken.append(box.translated(*place))
    return left


def _shift(box: Bbox, across: float, up: float, scale: float) -> tuple[float, float]:
    """How far to move a name whose lower left corner is at its mark's middle."""
    reach = (POINT + 1) * scale
    return across * (box.width / 2 + reach) - box.width / 2, up * (box.height / 2 + reach) - box.height / 2


def _fits(box: Bbox, frame: Bbox, taken: list[Bbox]) -> bool:
    """Whether a name is between the axes' left and right ends, and on nothing else."""
    return frame.x0 <= box.x0 and box.x1 <= frame.x1 and not any(box.overlaps(other) for other in taken)


def _around(ax: Axes, x: float, y: float, reach: float) -> Bbox:
    x, y = ax.transData.transform((x, y))
    return Bbox.from_extents(x - reach, y - reach, x + reach, y + reach)
