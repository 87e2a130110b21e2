"""mmdet's own anchor generators, found for a given list of anchors.

- `SSDAnchorGenerator`: on each level two squares, and pairs of ratios r and 1/r with the smaller square's area; centred
  in the cell.
- `AnchorGenerator`: the same scales x ratios on every level, at a size of the level's own; centred anywhere.
- `YOLOAnchorGenerator`: any shapes, equally many on every level; centred in the cell.

None can give a level without anchors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from mmdet.registry import TASK_UTILS
from mmengine.config import ConfigDict

from anchorprune.anchors.anchor_order import permutation
from anchorprune.errors import UserError

# Pixels that two anchors may differ and still be the same: both are float32 sums.
TOLERANCE = 1e-3
# Relative difference of two scales or ratios that are the same; of anchors of 1000 px, float32 leaves 1e-7.
_SAME = 1e-5
# Relative change by which a number may be made neat; float32 has an eighth of it.
_ROUNDING = 1e-7

Anchors = list[np.ndarray]  # per level (n, 2) float64 widths and heights, input pixels
Centers = Sequence[Sequence[float]]  # per level (x, y) in cell (0, 0), input pixels
Strides = list[tuple[int, int]]  # per level, x and y, input pixels


@dataclass(frozen=True)
class Found:
    """A generator of mmdet's that gives a list's boxes.

    Attributes:
        config: of the generator.
        order: for each level, the position in the list of each of the generator's anchors.
        difference: of the two sides' corners, at most, pixels.
    """

    config: ConfigDict
    order: list[list[int]]
    difference: float

    @property
    def same_order(self) -> bool:
        """Whether the generator lists the anchors as the list does."""
        return all(level == list(range(len(level))) for level in self.order)


def mmdet_generator(explicit: ConfigDict, names: Sequence[str] = ()) -> Found:
    """The generator of mmdet's with an explicit generator's boxes, to within `TOLERANCE`.

    Args:
        explicit: config of an `ExplicitAnchorGenerator`.
        names: the generators to try, the preferred one first; one with the list's own order comes before all others.

    Raises:
        UserError: no generator gives these boxes; with the reason for each.
    """
    corners, centers, strides = _built(explicit)
    anchors = [level[:, 2:] - level[:, :2] for level in corners]
    found, reasons = [], []
    for name in names or tuple(_CANDIDATES):
        try:
            found.append(_measured(_CANDIDATES[name](anchors, centers, strides), corners))
        except UserError as error:
            reasons.append(f"{name}: {error}")
    if not found:
        raise UserError("no generator of mmdet's gives these anchors. " + ". ".join(reasons))
    return min(found, key=lambda one: not one.same_order)


def _built(config: ConfigDict) -> tuple[Anchors, Centers, Strides]:
    """Per level (n, 4) float64 corners, the centre and the stride."""
    generator = TASK_UTILS.build(config)
    corners = [level.double().numpy() for level in generator.base_anchors]
    return corners, generator.centers, [tuple(stride) for stride in generator.strides]


def _measured(config: ConfigDict, corners: Anchors) -> Found:
    """Build a candidate and hold its boxes against the list's corners.

    Raises:
        UserError: its boxes are others.
    """
    theirs = [level.double().numpy() for level in TASK_UTILS.build(config).base_anchors]
    sizes = [[level[:, 2:] - level[:, :2] for level in side] for side in (corners, theirs)]
    order = permutation(*sizes, TOLERANCE)
    pairs = zip(corners, theirs, order, strict=True)
    difference = max(float(np.abs(ours[positions] - other).max()) for ours, other, positions in pairs)
    if difference > TOLERANCE:
        raise UserError(f"its boxes lie {difference:.3g} px away")
    return Found(config, order, difference)


def _ssd(anchors: Anchors, centers: Centers, strides: Strides) -> ConfigDict:
    _check_centered(centers, strides)
    smaller, larger, ratios = [], [], []
    for i, level in enumerate(anchors):
        square = np.abs(level[:, 0] - level[:, 1]) <= TOLERANCE
        sides = np.sort(level[square, 0])
        if len(sides) != 2:
            raise UserError(f"level {i} has {len(sides)} squares, not two")
        smaller.append(_neat(sides[0]))
        larger.append(_neat(sides[1] ** 2 / sides[0]))
        ratios.append([_neat(h / w) for w, h in level[~square] if h > w])
    return ConfigDict(
        type="SSDAnchorGenerator",
        scale_major=False,
        strides=strides,
        min_sizes=smaller,
        max_sizes=larger,
        ratios=ratios,
    )


def _grid(anchors: Anchors, centers: Centers, strides: Strides) -> ConfigDict:
    _check_equal_counts(anchors)
    sides = np.array([np.sqrt(level.prod(1)) for level in anchors])
    largest = int(sides[:, 0].argmax())  # rounded least, relative to its size
    scale, ratio = sides[largest] / sides[largest, 0], anchors[largest][:, 1] / anchors[largest][:, 0]
    scales, ratios = _distinct(scale), _distinct(ratio)
    if len(scales) * len(ratios) != len(scale):
        raise UserError(f"{len(scale)} anchors a level are no grid of {len(scales)} scales x {len(ratios)} ratios")
    return ConfigDict(
        type="AnchorGenerator",
        strides=strides,
        base_sizes=[_neat(side) for side in sides[:, 0]],
        scales=scales,
        ratios=ratios,
        scale_major=len(scales) > 1 and len(_distinct(ratio[:2])) == 1,  # ratio by ratio, each in every scale
        centers=[tuple(center) for center in centers],
    )


def _listed(anchors: Anchors, centers: Centers, strides: Strides) -> ConfigDict:
    _check_centered(centers, strides)
    _check_equal_counts(anchors)
    sizes = [[(float(w), float(h)) for w, h in level] for level in anchors]
    return ConfigDict(type="YOLOAnchorGenerator", strides=strides, base_sizes=sizes)


_CANDIDATES: dict[str, Callable[[Anchors, Centers, Strides], ConfigDict]] = {
    "SSDAnchorGenerator": _ssd,
    "AnchorGenerator": _grid,
    "YOLOAnchorGenerator": _listed,
}


def _distinct(values: np.ndarray) -> list[float]:
    """The different ones of some positive numbers, in the order in which they come."""
    kept: list[float] = []
    for value in values.tolist():
        if all(abs(value / other - 1) >= _SAME for other in kept):
            kept.append(value)
    return [_neat(value) for value in kept]


def _neat(value: float) -> float:
    """A number with the fewest decimals that are the same to float32: 45 for 45.00000017."""
    value = float(value)
    rounded = (round(value, digits) for digits in range(8))
    return next((short for short in rounded if abs(short / value - 1) < _ROUNDING), value)


def _check_centered(centers: Centers, strides: Strides) -> None:
    for i, (center, stride) in enumerate(zip(centers, strides, strict=True)):
        if np.abs(np.subtract(center, np.divide(stride, 2))).max() > TOLERANCE:
            raise UserError(f"level {i} is centred at {tuple(center)}, not in the middle of its cell")


def _check_equal_counts(anchors: Anchors) -> None:
    counts = [len(level) for level in anchors]
    if len(set(counts)) > 1 or not counts[0]:
        raise UserError(f"{'/'.join(map(str, counts))} anchors on the levels, not equally many and at least one")
