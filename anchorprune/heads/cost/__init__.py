"""What a layout costs: one file for each cost that a search can save; `COSTS` is their registration."""

from anchorprune.heads.cost import boxes, latency, macs
from anchorprune.heads.cost.cost_kind import CostKind
from anchorprune.heads.cost.counts import Cost, cost

__all__ = ["COSTS", "Cost", "CostKind", "cost"]

# In the order in which they are offered.
COSTS: dict[str, CostKind] = {kind.name: kind for kind in (macs.COST, boxes.COST, latency.COST)}
