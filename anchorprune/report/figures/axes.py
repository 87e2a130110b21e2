"""The costs that AP is plotted against: each has a figure of its own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CostAxis:
    """A cost that AP is plotted against.

    Attributes:
        figure: kind of the figure, and start of its files' names.
        column: the cost's in every table.
        label: the cost for people.
        title: of the figure.
        caption: one sentence on how to read the figure.
    """

    figure: str
    column: str
    label: str
    title: str
    caption: str


MACS = CostAxis(
    "pareto",
    "macs",
    "head MACs",
    "AP against head MACs",
    "Up and to the left is better: marks are detectors measured on the test split, the dotted line is the unpruned "
    "AP, and where a search ran, faint dots are the subsets that it scored on the prune split and solid steps the "
    "best of them at each cost.",
)
BOXES = CostAxis(
    "boxes",
    "boxes",
    "boxes per image",
    "AP against boxes",
    "The same detectors over the boxes per image that are decoded and suppressed after the network: further left "
    "means less work there.",
)
AXES = (MACS, BOXES)
