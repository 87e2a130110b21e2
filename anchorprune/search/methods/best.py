"""Best: random subsets and a greedy ascent, then a Pareto local search with add, remove and swap steps."""

from itertools import combinations, pairwise

from anchorprune.heads.layout import Subset
from anchorprune.search.front import Scored, pareto_front
from anchorprune.search.method import Method
from anchorprune.search.problem import Problem, drawn, removals, without

RANDOM_RING = 3
SCATTERED = 3  # random subsets an anchor
RANDOM_SUBSETS = 64  # of a random ring


def best(problem: Problem) -> None:
    """Ascend greedily, then widen the front's members by their neighbours, ring after ring.

    It ends when `max_subsets` are scored or every subset is. First a few random subsets and a greedy ascent from one
    anchor, which give a front over all prices. Then the front's members are widened, the one that holds most of the
    area under the front first, by four rings of neighbours: one anchor less or more; one exchanged within its level;
    two less or one exchanged between levels; random changes of two to four anchors, one more each time round. A member
    is widened by a ring only when no member is left to be widened by an earlier one. Where every subset may be scored,
    what is left after three rings is scored too.
    """
    problem.score_one(problem.full)
    _scatter(problem)
    _ascend(problem)
    rings_done: dict[Subset, int] = {}
    while len(problem.evaluated) < problem.limit:
        front = pareto_front(s for s in problem.evaluated if s.ap >= problem.options.min_ap)
        member = _next_member(front or problem.evaluated[:1], rings_done, problem.least)
        ring = rings_done.get(member.kept, 0)
        if ring == RANDOM_RING and problem.limit == problem.num_subsets:
            _score_the_rest(problem)
            break
        rings_done[member.kept] = ring + 1
        subsets = _ring(problem, member.kept, ring)
        problem.score(subsets, member.kept)


METHOD = Method(best, options=("min_ap", "seed"), default_subsets=5000)


def _next_member(front: list[Scored], rings_done: dict[Subset, int], least: float) -> Scored:
    """The member with the fewest rings done, then the largest share of the area under the front."""
    saved = [0, *(dearer.price - cheaper.price for dearer, cheaper in pairwise(front))]
    below = [*(scored.ap for scored in front[1:]), 0.0]
    share = [max(price, least) * (scored.ap - ap) for price, scored, ap in zip(saved, front, below, strict=True)]
    order = sorted(range(len(front)), key=lambda i: (rings_done.get(front[i].kept, 0), -share[i], front[i].kept))
    return front[order[0]]


def _scatter(problem: Problem) -> None:
    """A few random subsets of all sizes, so that even a short search has a front over all prices."""
    for _ in range(SCATTERED * problem.head.num_anchors):
        problem.score_one(drawn(problem))


def _ascend(problem: Problem) -> None:
    """From no anchor to all, always adding the one that gains the most area under the front: AP per price."""
    current, kept = None, ()
    while len(kept) < problem.head.num_anchors:
        children = problem.score([_with(kept, a) for a in problem.full if a not in kept], kept or None)
        before = (current.ap, current.price) if current else (0.0, 0)
        current = max(
            children, key=lambda c: ((c.ap - before[0]) / max(c.price - before[1], problem.least), -c.price, c.kept)
        )
        if current.ap <= before[0]:
            break
        kept = current.kept


def _ring(problem: Problem, kept: Subset, ring: int) -> list[Subset]:
    if ring < RANDOM_RING:
        return (_one_step, _exchange_within, _two_steps)[ring](problem, kept)
    return _random_steps(problem, kept, ring - RANDOM_RING)


def _one_step(problem: Problem, kept: Subset) -> list[Subset]:
    missing = [a for a in problem.full if a not in kept]
    return removals(kept) + [_with(kept, anchor) for anchor in missing]


def _exchange_within(problem: Problem, kept: Subset) -> list[Subset]:
    level = problem.head.level_of_anchor
    return [_with(without(kept, a), b) for a in kept for b in problem.full if b not in kept and level[a] == level[b]]


def _two_steps(problem: Problem, kept: Subset) -> list[Subset]:
    missing = [a for a in problem.full if a not in kept]
    swaps = [_with(without(kept, a), b) for a in kept for b in missing]
    return swaps + [without(kept, *pair) for pair in combinations(kept, 2) if len(kept) > 2]


def _random_steps(problem: Problem, kept: Subset, more: int) -> list[Subset]:
    anchors, generator, result = problem.head.num_anchors, problem.generator, []
    for _ in range(RANDOM_SUBSETS):
        size = int(generator.integers(2, min(5 + more, anchors + 1)))
        changed = set(kept) ^ {int(a) for a in generator.permutation(anchors)[:size]}
        if changed:
            result.append(tuple(sorted(changed)))
    return result


def _score_the_rest(problem: Problem) -> None:
    for number in range(1, problem.num_subsets + 1):
        problem.score_one(tuple(a for a in problem.full if number >> a & 1))


def _with(kept: Subset, anchor: int) -> Subset:
    return tuple(sorted((*kept, anchor)))
