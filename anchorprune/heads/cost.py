"""What a layout costs, in closed form."""

from dataclasses import asdict, dataclass
from typing import Any

from anchorprune.heads.layout import Layout


@dataclass(frozen=True)
class Cost:
    """Cost of a layout at its head's input size.

    Attributes:
        anchors: kept anchors over all levels.
        macs: multiply-accumulates of the head's convolutions, one image.
        boxes: boxes the head predicts for one image, before any threshold.
        anchors_per_level: kept anchors on each level.
    """

    anchors: int
    macs: int
    boxes: int
    anchors_per_level: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """The form the command line prints."""
        return {**asdict(self), "anchors_per_level": list(self.anchors_per_level)}


def cost(layout: Layout) -> Cost:
    """Count a layout's cost.

    Head MACs are the sum over levels that keep n > 0 anchors of `macs_fixed + n * macs_per_anchor`;
    boxes are the sum of `H * W * n`. (Bonnaerens et al., "Anchor pruning for object detection", CVIU 2022,
    counts the head alone, at the test input size.)
    """
    counts = layout.anchors_per_level
    pairs = list(zip(counts, layout.head.levels, strict=True))
    macs = sum(level.macs_fixed + n * level.macs_per_anchor for n, level in pairs if n > 0)
    boxes = sum(level.grid[0] * level.grid[1] * n for n, level in pairs)
    return Cost(len(layout.kept), macs, boxes, counts)
