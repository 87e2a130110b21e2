"""The paper's search for heads that share their convolutions, against its rules written down once more."""

from collections import Counter
from itertools import product

import pytest
from oracles.generate import grid_head, make, write

from anchorprune.heads.predictions import Candidates, Postprocess
from anchorprune.scoring import Scorer
from anchorprune.search.methods.shared import shared_removals
from anchorprune.search.run import Options, search

LEVELS, SHAPES = range(3), range(3)
HEAD = grid_head(3, 3)
SEEDS = range(8)


@pytest.fixture(scope="module")
def scorers(tmp_path_factory):
    found = []
    for seed in SEEDS:
        annotations, candidates = make(seed, images=12, boxes=50, head=HEAD)
        if seed == SEEDS[-1]:  # a shape that predicts nothing: to remove it changes no AP
            candidates = only(candidates, candidates.anchor % len(SHAPES) != 1)
        path = tmp_path_factory.mktemp("shared") / "p.parquet"
        found.append(Scorer(write(path, candidates, Postprocess(0.0, 0.5, None, 100, 0), HEAD), annotations))
    return found


def only(candidates, rows):
    return Candidates(**{name: values[rows] for name, values in vars(candidates).items()})


@pytest.fixture(params=SEEDS)
def scorer(request, scorers):
    return scorers[request.param]


def anchors(levels, shapes):
    """What is left of the head, as anchor indices; every set that the search can reach is of this form."""
    return tuple(len(SHAPES) * level + shape for level in sorted(levels) for shape in sorted(shapes))


def every_result(scorer, kind):
    """(levels, shapes) -> AP and cost of all 49 sets that can be reached."""
    results = {}
    for some_levels, some_shapes in product(*(nonempty(len(group)) for group in (LEVELS, SHAPES))):
        grids = [HEAD.levels[i] for i in some_levels]
        spent = {
            "macs": sum(level.macs_fixed + len(some_shapes) * level.macs_per_anchor for level in grids),
            "boxes": sum(level.grid[0] * level.grid[1] * len(some_shapes) for level in grids),
        }
        results[some_levels, some_shapes] = scorer.ap(anchors(some_levels, some_shapes)), spent[kind]
    return results


def nonempty(count):
    return [frozenset(i for i in range(count) if number >> i & 1) for number in range(1, 2**count)]


def papers_search(results, least_ap):
    """The paper's rules, as its code has them: the sets scored, in order, and how often each rule decided something.

    The order of the work, which the paper leaves open: the highest AP, then the lowest cost, the fewest anchors, the
    lowest indices. Work that has left the front is dropped.
    """
    start = frozenset(LEVELS), frozenset(SHAPES)
    scored, front, work, decided = [start], [start], [start], Counter()

    def offer(pool, new, what):
        """Put a set into a front, as the paper does; whether it got in."""
        ap, cost = results[new]
        if any(results[old][0] >= ap and results[old][1] <= cost for old in pool):
            decided[f"refused by {what}"] += 1
            return False
        for old in list(pool):
            better = ap > results[old][0] and cost <= results[old][1]
            cheaper = ap == results[old][0] and cost < results[old][1]
            if better or cheaper:
                decided[f"pushed out of {what}"] += 1
                pool.remove(old)
        pool.append(new)
        return True

    while work:
        parent = min(work, key=lambda s: (-results[s][0], results[s][1], len(s[0]) * len(s[1]), anchors(*s)))
        work.remove(parent)
        if parent not in front:
            decided["dropped"] += 1
            continue
        levels, shapes = parent
        children = [(levels, shapes - {shape}) for shape in sorted(shapes) if len(shapes) > 1]
        children += [(levels - {level}, shapes) for level in sorted(levels) if len(levels) > 1]
        scored += [child for child in children if child not in scored]  # six at most: ours scores them together
        offered = []
        for child in children:
            if results[child][0] >= results[parent][0]:
                same = results[child][0] == results[parent][0]
                decided["taken as the same" if same else "taken as better"] += child != children[-1]
                offered = [child]
                break
            if results[child][0] >= least_ap:
                offer(offered, child, "the children")
            else:
                decided["below the least AP"] += 1
        work += [child for child in offered if offer(front, child, "the front")]
    return scored, decided


def nondominated(points):
    return {
        (ap, cost) for ap, cost in points if not any(a >= ap and c <= cost and (a, c) != (ap, cost) for a, c in points)
    }


@pytest.mark.parametrize("kind", ["macs", "boxes"])
@pytest.mark.parametrize("share", [0.0, 0.9])
def test_it_follows_the_papers_rules(scorer, kind, share):
    results = every_result(scorer, kind)
    least_ap = share * results[frozenset(LEVELS), frozenset(SHAPES)][0]
    scored, _ = papers_search(results, least_ap)
    found = search(scorer, Options("shared", kind, min_ap=least_ap))
    assert [s.kept for s in found.evaluated] == [anchors(*subset) for subset in scored]
    points = [results[subset] for subset in scored]
    assert [(s.ap, s.price) for s in found.evaluated] == points
    assert {(s.ap, s.price) for s in found.front} == nondominated(points)


def test_every_rule_decides_something(scorers):
    total = Counter()
    for scorer in scorers:
        for share in (0.0, 0.9):
            results = every_result(scorer, "macs")
            total += papers_search(results, share * results[frozenset(LEVELS), frozenset(SHAPES)][0])[1]
    rules = ["taken as better", "taken as the same", "below the least AP", "dropped"]
    rules += [f"{what} {where}" for what in ("refused by", "pushed out of") for where in ("the children", "the front")]
    assert {rule: total[rule] > 0 for rule in rules} == dict.fromkeys(rules, True)


def test_children_are_shapes_then_levels():
    full = tuple(range(9))
    assert shared_removals(full, 3) == [
        *((1, 2, 4, 5, 7, 8), (0, 2, 3, 5, 6, 8), (0, 1, 3, 4, 6, 7)),
        *((3, 4, 5, 6, 7, 8), (0, 1, 2, 6, 7, 8), (0, 1, 2, 3, 4, 5)),
    ]
    assert shared_removals((4,), 3) == []
    assert shared_removals((1, 4), 3) == [(4,), (1,)]
