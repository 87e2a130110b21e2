"""Latency: milliseconds of head, decoding and NMS on the device that the user measured."""

from anchorprune.heads.cost.cost_kind import CostKind
from anchorprune.heads.latency_table import LatencyTable
from anchorprune.heads.layout import Layout

NANOSECOND = 1e-6  # milliseconds


def latency(layout: Layout, table: LatencyTable) -> float:
    """Milliseconds of a layout, by a table of its head."""
    return table.predict(layout)


COST = CostKind(
    name="latency",
    label="head, decoding and NMS",
    summary="Milliseconds of head, decoding and NMS, by --latency-table.",
    price=latency,
    unit="ms",
    whole=False,
    least=NANOSECOND,
    from_table=True,
)
