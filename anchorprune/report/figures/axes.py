"""The costs that AP is plotted against: each has a figure of its own."""

from dataclasses import dataclass

from anchorprune.heads.cost import COSTS, CostKind


@dataclass(frozen=True)
class CostAxis:
    """A cost that AP is plotted against; it is a column of the results table and of every search's subsets.

    Attributes:
        figure: kind of the figure, and start of its files' names.
        cost: the cost.
        title: of the figure.
        caption: one sentence on how to read the figure.
    """

    figure: str
    cost: CostKind
    title: str
    caption: str

    @property
    def column(self) -> str:
        """Of the tables."""
        return self.cost.name

    @property
    def label(self) -> str:
        """The cost for people."""
        return self.cost.label


MACS = CostAxis(
    "pareto",
    COSTS["macs"],
    "AP against head MACs",
    "Up and to the left is better: marks are detectors measured on the test split, the dotted line is the unpruned "
    "AP, and where a search ran, faint dots are the subsets that it scored on the prune split and solid steps the "
    "best of them at each cost.",
)
BOXES = CostAxis(
    "boxes",
    COSTS["boxes"],
    "AP against boxes",
    "The same detectors over the boxes per image that are decoded and suppressed after the network: further left "
    "means less work there.",
)
AXES = (MACS, BOXES)
