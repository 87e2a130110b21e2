"""Anneal: simulated annealing, for heads with many anchors where few subsets can be scored."""

import math

from anchorprune.search.front import Scored, Subset
from anchorprune.search.method import Method
from anchorprune.search.problem import Problem, drawn

WALKS = 12  # of a round
RATES = 3.0, 0.05  # of a round's first walk and its last: what AP a price is worth, both as shares of the full layout's
STEPS = 4  # at the most, for each subset that a walk may score; to come back to a subset costs nothing
HOT, COLD = 0.01, 0.0005  # a loss of this share of AP, at a walk's start and end, is taken once in e times
SWAPS = 0.3  # of the steps exchange an anchor, the others add or remove one


def anneal(problem: Problem) -> None:
    """Anneal at several rates of AP against price; for few subsets of many anchors.

    A few random subsets come first. Then rounds of walks go on until `max_subsets` are scored or a round finds no new
    subset. A walk starts from the subset that is best at its rate so far; a step that gains is taken, one that loses
    is taken with a probability that falls with the loss and with the temperature.
    Method: S. Kirkpatrick et al., "Optimization by simulated annealing", Science 220 (1983).
    """
    problem.score_one(problem.full)
    for _ in range(problem.head.num_anchors):
        problem.score_one(drawn(problem))
    found = -1
    while found != len(problem.evaluated):
        found = len(problem.evaluated)
        for walk in range(WALKS):
            rate = RATES[0] * (RATES[1] / RATES[0]) ** (walk / (WALKS - 1))
            _walk(problem, rate, found + (problem.limit - found) * (walk + 1) // WALKS)


METHOD = Method(anneal, options=("min_ap", "seed"), default_subsets=5000)


def _walk(problem: Problem, rate: float, until: int) -> None:
    """Anneal at one rate until so many subsets are scored."""
    full, begun, least_ap = problem.evaluated[0], len(problem.evaluated), problem.options.min_ap

    def worth(scored: Scored) -> float:
        return scored.ap / max(full.ap, 1e-6) - rate * scored.price / max(full.price, problem.least)

    current = max((s for s in problem.evaluated if s.ap >= least_ap), key=worth, default=full)
    steps = STEPS * (until - begun)
    for step in range(steps):
        done = max(STEPS * (len(problem.evaluated) - begun), step) / steps
        if done >= 1:
            break
        new = problem.score([_neighbour(problem, current.kept)], current.kept)[0]
        gain, temperature = worth(new) - worth(current), HOT * (COLD / HOT) ** done
        if new.ap >= least_ap and (gain >= 0 or problem.generator.random() < math.exp(gain / temperature)):
            current = new


def _neighbour(problem: Problem, kept: Subset) -> Subset:
    """`kept` with an anchor more, less or exchanged."""
    generator, missing = problem.generator, sorted(set(problem.full) - set(kept))
    if missing and generator.random() < SWAPS:
        changed = {kept[generator.integers(len(kept))], missing[generator.integers(len(missing))]}
    else:
        changed = {int(generator.integers(problem.head.num_anchors))}
    return tuple(sorted(set(kept) ^ changed)) or kept
