"""MACs: multiply-accumulates of the head's convolutions, one image."""

from anchorprune.heads.cost.cost_kind import CostKind
from anchorprune.heads.layout import Layout


def macs(layout: Layout) -> int:
    """The sum over levels that keep n > 0 anchors of `macs_fixed + n * macs_per_anchor`.

    Bonnaerens et al., "Anchor pruning for object detection", CVIU 2022, count the head alone, at the test input size.
    """
    pairs = zip(layout.anchors_per_level, layout.head.levels, strict=True)
    return sum(level.macs_fixed + n * level.macs_per_anchor for n, level in pairs if n > 0)


COST = CostKind("macs", "head MACs", "Multiply-accumulates of the head's convolutions, one image.", macs)
