"""Scored subsets and Pareto sets of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from anchorprune.heads.cost import Cost
from anchorprune.heads.layout import Subset


@dataclass(frozen=True)
class Scored:
    """A subset, its AP and its cost.

    Attributes:
        kept: anchors, ascending.
        ap: full precision, 0..1.
        cost: MACs, boxes and anchors.
        price: what the search trades AP against: one of them, or milliseconds.
    """

    kept: Subset
    ap: float
    cost: Cost
    price: float


def preference(scored: Scored) -> tuple:
    """Sort key, the best first: higher AP, then lower price, then fewer anchors, then the lower anchor indices."""
    return (-scored.ap, scored.price, len(scored.kept), scored.kept)


def pareto_front(subsets: Iterable[Scored]) -> list[Scored]:
    """The subsets no other dominates, dearest first.

    A subset is dominated by one with no lower AP at no higher price that is better in one of them. Of subsets with
    the same AP and price one stays: that with the fewest anchors, then with the lower anchor indices.
    """
    front, best = [], float("-inf")
    for scored in sorted(subsets, key=lambda s: (s.price, *preference(s))):
        if scored.ap > best:
            front.append(scored)
            best = scored.ap
    return front[::-1]


def best_within(subsets: Iterable[Scored], price: float) -> Scored | None:
    """The subset with the highest AP at no more than `price`; ties as in `preference`; None if there is none."""
    return min((s for s in subsets if s.price <= price), key=preference, default=None)


def hypervolume(front: Iterable[Scored], full_price: float, top: float) -> float:
    """Area under a front, as a share: AP over price, prices 0..full_price, AP 0..top."""
    total, previous = 0.0, full_price
    for scored in sorted(pareto_front(front), key=lambda s: -s.price):
        total += max(previous - scored.price, 0) * max(scored.ap, 0.0)
        previous = min(previous, scored.price)
    return total / (full_price * top) if top > 0 else 0.0


class WorkingFront:
    """A Pareto set that grows one subset at a time, with the rules of the paper's search.

    A new subset is refused when a member has no lower AP at no higher price; a member leaves when a new subset has
    strictly higher AP at no higher price, or equal AP at a lower price.
    """

    def __init__(self) -> None:
        self.members: list[Scored] = []

    def offer(self, new: Scored) -> bool:
        """Whether `new` got in."""
        if any(old.ap >= new.ap and old.price <= new.price for old in self.members):
            return False
        self.members = [old for old in self.members if not (new.ap >= old.ap and new.price <= old.price)]
        self.members.append(new)
        return True
