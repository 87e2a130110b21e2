"""Boxes: how many the head predicts for one image, before any threshold."""

from anchorprune.heads.cost.cost_kind import CostKind
from anchorprune.heads.layout import Layout


def boxes(layout: Layout) -> int:
    """The sum over levels of `H * W * n`, for n anchors kept."""
    pairs = zip(layout.anchors_per_level, layout.head.levels, strict=True)
    return sum(level.grid[0] * level.grid[1] * n for n, level in pairs)


COST = CostKind("boxes", "boxes per image", "Boxes that are decoded and suppressed, one image.", boxes)
