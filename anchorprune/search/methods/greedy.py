"""Greedy: a descent from all anchors to one."""

from collections.abc import Callable

from anchorprune.heads.layout import Subset
from anchorprune.search.front import Scored, preference
from anchorprune.search.method import Method
from anchorprune.search.problem import Problem, removals


def greedy(problem: Problem) -> None:
    """Remove one anchor at a time, the one whose loss hurts least.

    It ends at one anchor, or where AP falls below `min_ap`. Criterion `ap`: the child with the highest AP. Criterion
    `ratio`: the least AP lost per cost saved; a child that loses none or gains comes first. Ties go by `preference`.
    """
    descend(problem, problem.full, problem.options.criterion)


METHOD = Method(greedy, options=("criterion", "min_ap"))


def descend(problem: Problem, start: Subset, criterion: str, down_to: Callable[[Scored], bool] | None = None) -> Scored:
    """Greedy steps from `start`; stops at `min_ap`, or instead where `down_to` holds.

    Returns:
        The last subset.
    """
    current = problem.score_one(start)
    while len(current.kept) > 1 and not (down_to and down_to(current)):
        children = problem.score(removals(current.kept), current.kept)
        best = choose(current, children, criterion)
        if down_to is None and best.ap < problem.options.min_ap:
            break
        current = best
    return current


def choose(parent: Scored, children: list[Scored], criterion: str) -> Scored:
    """The child the criterion prefers."""
    if criterion == "ratio":
        return min(children, key=lambda child: (_loss_per_saving(parent, child), preference(child)))
    return min(children, key=preference)


def _loss_per_saving(parent: Scored, child: Scored) -> float:
    lost, saved = parent.ap - child.ap, parent.price - child.price
    # Where something is gained, the most AP gained wins, whatever it saves.
    return lost if lost <= 0 else lost * parent.price / max(saved, 1e-12)
