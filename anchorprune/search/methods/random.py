"""Random: the control every other method must beat."""

from anchorprune.search.method import Method
from anchorprune.search.problem import Problem, drawn


def random(problem: Problem) -> None:
    """Score random subsets of all sizes, as a control.

    After the full set, sizes are uniform over 1..A, until `max_subsets` are scored.
    """
    problem.score_one(problem.full)
    while len(problem.evaluated) < problem.limit:
        problem.score_one(drawn(problem))


METHOD = Method(random, options=("seed",), default_subsets=1000)
