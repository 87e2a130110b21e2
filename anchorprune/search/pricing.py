"""What a search pays for a layout: MACs, boxes, or milliseconds on a device."""

from collections.abc import Callable
from typing import Any

from anchorprune.errors import UserError
from anchorprune.heads.cost import cost
from anchorprune.heads.layout import Layout

NANOSECOND = 1e-6  # milliseconds


def pricer(options: Any) -> Callable[[Layout], float]:
    """The function from a layout to its price, of a search's options.

    Raises:
        UserError: `latency` without a latency table.
    """
    if options.cost != "latency":
        return lambda layout: getattr(cost(layout), options.cost)
    if options.latency_table is None:
        raise UserError("--cost latency needs --latency-table; write one with `anchorprune latency --table`")
    return options.latency_table.predict


def least_difference(options: Any) -> float:
    """A difference in price that is as good as none."""
    return NANOSECOND if options.cost == "latency" else 1
