"""Where a value of a graph has its anchors."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Along:
    """The axis of a value that its anchors lie on.

    Attributes:
        axis: that axis; None: all of the value is of one anchor.
        anchors: (length,) int64, the anchor of each index of the axis; (1,) where there is no axis.
    """

    axis: int | None
    anchors: np.ndarray

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, Along) and self.axis == other.axis
        return same and np.array_equal(self.anchors, other.anchors)

    __hash__ = None

    def on(self, axis: int, length: int) -> np.ndarray | None:
        """The anchor of each index of an axis; None where they lie on another one."""
        if self.axis is None:
            return np.repeat(self.anchors, length)
        return self.anchors if self.axis == axis else None


def simplest(axis: int, anchors: np.ndarray) -> Along:
    """Anchors along an axis, without one where they are all the same."""
    return Along(None, anchors[:1]) if (anchors == anchors[0]).all() else Along(axis, anchors)


def reshaped(along: Along, before: tuple[int, ...], after: tuple[int, ...]) -> Along | None:
    """Where the anchors are once a value of a shape has another one; None: on no single axis."""
    if along.axis is None:
        return along
    sides = [1] * len(before)
    sides[along.axis] = -1
    owner = np.broadcast_to(along.anchors.reshape(sides), before).reshape(after)
    for axis in range(len(after)):
        sides = [1] * len(after)
        sides[axis] = -1
        line = owner[tuple(slice(None) if i == axis else 0 for i in range(len(after)))]
        if (owner == line.reshape(sides)).all():
            return Along(axis, line)
    return None
