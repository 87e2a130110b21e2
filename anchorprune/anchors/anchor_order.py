"""The order of a level's anchors: the paper's SSD300 and mmdet's list the same shapes in different orders."""

from collections.abc import Sequence

import numpy as np

from anchorprune.errors import UserError

Anchors = Sequence[Sequence[Sequence[float]]]

# (scale, height / width) of SSD300's anchors on COCO in the paper's order, of an input of 300 px.
# Source: Bonnaerens et al., CVIU 221 (2022) 103445, and its public results.
_PUBLISHED = (
    ((0.07, 1), (0.07, 2), (0.07, 1 / 2), (0.1024, 1)),
    ((0.15, 1), (0.15, 2), (0.15, 3), (0.15, 1 / 2), (0.15, 1 / 3), (0.224, 1)),
    ((0.33, 1), (0.33, 2), (0.33, 3), (0.33, 1 / 2), (0.33, 1 / 3), (0.4102, 1)),
    ((0.51, 1), (0.51, 2), (0.51, 3), (0.51, 1 / 2), (0.51, 1 / 3), (0.5932, 1)),
    ((0.69, 1), (0.69, 2), (0.69, 1 / 2), (0.7747, 1)),
    ((0.87, 1), (0.87, 2), (0.87, 1 / 2), (0.9557, 1)),
)
# Pixels that the paper's shapes differ from mmdet's, at most: its larger squares are rounded scales (0.224 for
# sqrt(0.15 * 0.33) = 0.2225, which makes 0.454 px; the others stay under 0.03 px).
PUBLISHED_DIFFERENCE = 0.5


def published_ssd300() -> list[list[list[float]]]:
    """The paper's SSD300 anchors in its order: per level (w, h), input pixels."""
    return [[[300 * scale / ratio**0.5, 300 * scale * ratio**0.5] for scale, ratio in level] for level in _PUBLISHED]


def permutation(from_anchors: Anchors, to_anchors: Anchors, tolerance: float = 1e-3) -> list[list[int]]:
    """For each level, where in `from_anchors` each of `to_anchors` stands; anchors are matched by their shape.

    Args:
        from_anchors: per level (w, h), pixels.
        to_anchors: the same anchors in another order within each level.
        tolerance: by how much matching widths and heights may differ, pixels.

    Raises:
        UserError: the levels or an anchor do not match one to one.
    """
    if len(from_anchors) != len(to_anchors):
        raise UserError(f"anchors of {len(from_anchors)} levels do not match those of {len(to_anchors)} levels")
    pairs = zip(from_anchors, to_anchors, strict=True)
    return [_level(level, old, new, tolerance) for level, (old, new) in enumerate(pairs)]


def _level(level: int, old: Sequence, new: Sequence, tolerance: float) -> list[int]:
    old, new = (np.asarray(anchors, np.float64).reshape(-1, 2) for anchors in (old, new))
    if len(old) != len(new):
        raise UserError(f"level {level}: {len(old)} anchors do not match {len(new)}; give the same set on both sides")
    if not len(new):
        return []
    distance = np.abs(new[:, None] - old[None]).max(2)
    nearest = distance.argmin(1)
    lost = np.flatnonzero(distance.min(1) > tolerance)
    if len(lost):
        w, h = new[lost[0]]
        raise UserError(f"level {level}: no anchor within {tolerance:g} px of {w:.3f} x {h:.3f}; the sets differ")
    if len(set(nearest.tolist())) < len(nearest):
        raise UserError(f"level {level}: anchors do not match one to one within {tolerance:g} px; some are too alike")
    return nearest.tolist()
