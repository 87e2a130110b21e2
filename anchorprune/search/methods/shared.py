"""Shared: for heads whose levels share their convolutions (RetinaNet): a shape on all levels, or a whole level."""

from anchorprune.errors import UserError
from anchorprune.heads.layout import Subset
from anchorprune.search.method import Method
from anchorprune.search.methods.pareto import explore
from anchorprune.search.problem import Problem, without


def shared(problem: Problem) -> None:
    """Pareto by other steps: a shape goes on every level at once, or a whole level goes.

    Raises:
        UserError: the levels differ in their number of anchors, so they have no shapes in common.
    """
    sizes = {len(level.anchors) for level in problem.head.levels}
    if len(sizes) != 1:
        raise UserError(f"head {problem.head.name}: --method shared needs levels of equally many anchors; use pareto")
    shapes = sizes.pop()
    explore(problem, lambda kept: shared_removals(kept, shapes))


METHOD = Method(shared, options=("min_ap",))


def shared_removals(kept: Subset, shapes: int) -> list[Subset]:
    """Children of `kept`: first less one shape each, then less one level each; none is empty."""
    by_shape = [[a for a in kept if a % shapes == shape] for shape in range(shapes)]
    by_level = [[a for a in kept if a // shapes == level] for level in sorted({a // shapes for a in kept})]
    return [child for gone in by_shape + by_level if gone and (child := without(kept, *gone))]
