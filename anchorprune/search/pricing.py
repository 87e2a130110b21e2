"""What a search pays for a layout: one of the costs that are registered."""

from collections.abc import Callable
from functools import partial
from typing import Any

from anchorprune.errors import UserError
from anchorprune.heads.cost import COSTS
from anchorprune.heads.layout import Layout


def pricer(options: Any) -> Callable[[Layout], float]:
    """The function from a layout to its price, of a search's options.

    Raises:
        UserError: a cost that needs a latency table, without one.
    """
    kind = COSTS[options.cost]
    if not kind.from_table:
        return kind.price
    if options.latency_table is None:
        raise UserError(f"--cost {kind.name} needs --latency-table; write one with `anchorprune latency --table`")
    return partial(kind.price, table=options.latency_table)
