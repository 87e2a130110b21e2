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
    "Up and to the left is better: filled marks are detectors measured on the test split, the dotted line is the AP of "
    "the unpruned one that was trained as long. Where a search ran, faint dots are the subsets it scored on the prune "
    "split and solid steps the best of them at each cost; the hollow star is the unpruned detector there, so that "
    "the height between both stars is the splits' difference and what retraining gave, not what pruning did.",
)
BOXES = CostAxis(
    "boxes",
    COSTS["boxes"],
    "AP against boxes",
    "The same detectors over the boxes per image that are decoded and suppressed after the network: further left "
    "means less work there.",
)
LATENCY = CostAxis(
    "latency",
    COSTS["latency"],
    "AP against milliseconds",
    "The same detectors over the milliseconds an image that the search's latency table gives them.",
)
AXES = (MACS, BOXES)
