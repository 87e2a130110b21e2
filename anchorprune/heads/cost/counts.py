"""The counts of a layout, in closed form."""

from dataclasses import asdict, dataclass
from typing import Any

from anchorprune.heads.cost.boxes import boxes
from anchorprune.heads.cost.macs import macs
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
    """Count what a layout keeps and spends."""
    return Cost(len(layout.kept), macs(layout), boxes(layout), layout.anchors_per_level)
