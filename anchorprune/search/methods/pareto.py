"""Pareto: the paper's search, on full-precision AP and in a fixed order."""

import heapq
from collections.abc import Callable

from anchorprune.heads.layout import Subset
from anchorprune.search.front import Scored, WorkingFront, preference
from anchorprune.search.method import Method
from anchorprune.search.problem import Problem, removals

TOGETHER = 8  # children scored at once; more would be wasted when one of them improves on its parent


def pareto(problem: Problem) -> None:
    """Widen a Pareto set by one anchor less at a time: the paper's search."""
    explore(problem, removals)


METHOD = Method(pareto, options=("min_ap",))


def explore(problem: Problem, children_of: Callable[[Subset], list[Subset]]) -> None:
    """Widen a Pareto set by its members' children until none gets in.

    Of a member's children, in order, the first that has a higher AP, or the same, is taken alone; else those of
    at least `min_ap` that do not dominate one another are offered.
    Unlike the authors' code, which takes work in arbitrary order and all of it, the member with the highest AP comes
    first (ties: `preference`), and work that has left the front since is dropped. As AP mostly falls with the number
    of anchors, what is taken then seldom leaves the front later, so that few members are widened in vain.
    Method: M. Bonnaerens et al., "Anchor pruning for object detection", CVIU 2022.
    """
    start = problem.score_one(problem.full)
    front, work = WorkingFront(), [(preference(start), start)]
    front.offer(start)
    while work:
        _, parent = heapq.heappop(work)
        if parent not in front.members:
            continue
        for child in _survivors(problem, parent, children_of):
            if front.offer(child):
                heapq.heappush(work, (preference(child), child))


def _survivors(problem: Problem, parent: Scored, children_of: Callable[[Subset], list[Subset]]) -> list[Scored]:
    among = WorkingFront()
    subsets = children_of(parent.kept)
    for i in range(0, len(subsets), TOGETHER):
        for child in problem.score(subsets[i : i + TOGETHER], parent.kept):
            if child.ap >= parent.ap:
                return [child]
            if child.ap >= problem.options.min_ap:
                among.offer(child)
    return among.members
