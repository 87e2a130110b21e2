"""What a search, a table and a figure have to know of a cost."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class CostKind:
    """A cost that a search can trade AP against.

    Attributes:
        name: what the command line and the configuration call it, and its column in tables.
        label: what it is, for people: the name of a figure's axis.
        summary: the line of `anchorprune search --help`.
        price: from a layout to what it costs; where `from_table`, from a layout and the device's latency table.
        unit: of the price; "" for a count.
        whole: the price is a whole number.
        least: a difference in price that is as good as none; divisions by it are finite.
        from_table: the user gives the figures it is counted by, with `--latency-table`.
    """

    name: str
    label: str
    summary: str
    price: Callable[..., float]
    unit: str = ""
    whole: bool = True
    least: float = 1
    from_table: bool = False
