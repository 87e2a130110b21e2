"""What AP is plotted against on the page: the costs that a search can save, and the detector's parameters."""

from dataclasses import dataclass

from anchorprune.heads.cost import COSTS

PARAMETERS = "parameters"


@dataclass(frozen=True)
class PlottedCost:
    """A cost as the page speaks of it.

    Attributes:
        label: what it is: the name of a plot's axis.
        short: the same in a word, of the switch between axes.
        unit: "" for a count.
        whole: the price is a whole number.
    """

    label: str
    short: str
    unit: str = ""
    whole: bool = True


def _of_search(name: str, short: str) -> PlottedCost:
    kind = COSTS[name]
    return PlottedCost(kind.label, short, kind.unit, kind.whole)


# In the order of the switch. Parameters are of the whole detector, and of an evaluation that counted them.
PLOTTED_COSTS = {
    "macs": _of_search("macs", "MACs"),
    "boxes": _of_search("boxes", "boxes"),
    PARAMETERS: PlottedCost("parameters of the detector", "parameters"),
    "latency": _of_search("latency", "milliseconds"),
}
