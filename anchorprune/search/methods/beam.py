"""Beam: greedy with several subsets side by side."""

from anchorprune.search.front import Scored, pareto_front, preference
from anchorprune.search.method import Method
from anchorprune.search.problem import Problem, removals

WIDTH = 8


def beam(problem: Problem) -> None:
    """Remove one anchor at a time from the best subsets of each size, side by side.

    Of the subsets of one size those go on that no other of that size dominates, the highest AP first, filled up by
    `preference` to a fixed width; they stop at `min_ap`.
    """
    level = [problem.score_one(problem.full)]
    while level and len(level[0].kept) > 1:
        children: dict[tuple[int, ...], Scored] = {}
        for parent in level:
            children |= {child.kept: child for child in problem.score(removals(parent.kept), parent.kept)}
        level = widest([child for child in children.values() if child.ap >= problem.options.min_ap])


METHOD = Method(beam, options=("min_ap",))


def widest(subsets: list[Scored]) -> list[Scored]:
    """At most WIDTH subsets: half of them from the Pareto set, spread over it, the rest by AP."""
    front = pareto_front(subsets)
    step = max(1, -(-len(front) // (WIDTH // 2)))
    chosen = {scored.kept: scored for scored in front[::step]}
    for scored in sorted(subsets, key=preference):
        if len(chosen) == WIDTH:
            break
        chosen.setdefault(scored.kept, scored)
    return sorted(chosen.values(), key=preference)
