"""Random: the control every other method must beat."""

import numpy as np

from anchorprune.search.problem import Problem

DEFAULT_SUBSETS = 1000


def random(problem: Problem) -> None:
    """Score the full set and random subsets, sizes uniform over 1..A, until `max_subsets` are scored."""
    generator = np.random.default_rng(problem.options.seed)
    anchors = problem.head.num_anchors
    if problem.limit is None:
        problem.limit = DEFAULT_SUBSETS
    problem.limit = min(problem.limit, 2**anchors - 1)
    problem.score_one(problem.full)
    while len(problem.evaluated) < problem.limit:
        size = int(generator.integers(1, anchors + 1))
        problem.score_one(tuple(sorted(int(i) for i in generator.permutation(anchors)[:size])))
