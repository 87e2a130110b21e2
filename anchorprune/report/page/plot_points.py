"""The points of the trade-off plot, and the names beside them."""

from dataclasses import dataclass, replace

LETTER, LINE = 7.2, 15  # a label's width per letter, and its height
MOST_LABELS = 16  # of more points none has its name beside it
# What stands beside a point: offset of the text's start or end, and which of both it is.
_PLACES = ((9, 5, "start"), (-9, 5, "end"), (9, -9, "start"), (-9, -9, "end"), (9, 19, "start"), (-9, 19, "end"))


@dataclass(frozen=True)
class Point:
    """A detector: its number, place, the ends of its interval and its place before retraining (None: not known)."""

    number: int
    x: float
    y: float
    interval: tuple[float, float] | None
    before: float | None
    label: str = ""
    offset: tuple[int, int] = (0, 0)
    side: str = "start"


def named(points: list[Point], names: list[str], area: tuple[float, float, float, float]) -> list[Point]:
    """The points with their names beside them, where there is room that no other point or name takes.

    Args:
        points: of a plot.
        names: by their numbers.
        area: left, top, right and bottom of where a name may stand.
    """
    if len(points) > MOST_LABELS:
        return points
    taken = [(point.x - 8, point.y - 8, point.x + 8, point.y + 8) for point in points]
    found = []
    for point in points:
        width, chosen = LETTER * len(names[point.number]), None
        for x, y, side in _PLACES:
            left = point.x + x - (width if side == "end" else 0)
            box = (left, point.y + y - LINE + 3, left + width, point.y + y + 3)
            inside = box[0] > area[0] and box[1] > area[1] and box[2] < area[2] and box[3] < area[3]
            if inside and not any(_meet(box, other) for other in taken):
                chosen = replace(point, label=names[point.number], offset=(x, y), side=side)
                taken.append(box)
                break
        found.append(chosen or point)
    return found


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
