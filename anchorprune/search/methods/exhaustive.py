"""Exhaustive: every subset, for heads of at most 16 anchors."""

from anchorprune.errors import UserError
from anchorprune.search.method import Method
from anchorprune.search.problem import Problem

MOST_ANCHORS = 16
LOW = 4  # subsets that share all but the first four anchors are scored from one parent


def exhaustive(problem: Problem) -> None:
    """Score all subsets, of a head with few anchors.

    They come by ascending number (bit i of the number: anchor i is kept).

    Raises:
        UserError: the head has too many anchors.
    """
    anchors = problem.head.num_anchors
    if anchors > MOST_ANCHORS:
        raise UserError(
            f"head {problem.head.name}: {anchors} anchors have too many subsets for --method exhaustive"
            f" (at most {MOST_ANCHORS} anchors); use best"
        )
    low = min(LOW, anchors)
    for high in range(0, 1 << anchors, 1 << low):
        numbers = range(max(high, 1), high + (1 << low))
        subsets = [tuple(i for i in range(anchors) if number >> i & 1) for number in numbers]
        problem.score(subsets, subsets[-1])


METHOD = Method(exhaustive)
