
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.generate import make, write

from anchorprune.cost import Cost
from anchorprune.errors import UserError
from anchorprune.predictions import Postprocess
from anchorprune.scoring import Scorer
from anchorprune.search.front import Scored, WorkingFront, best_within, hypervolume, pareto_front
from anchorprune.search.run import METHODS, Options, search

POST = Postprocess(0.0, 0.5, None, 100, 0)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    annotations, candidates = make(7, images=30, boxes=60)
    return Scorer(write(tmp_path_factory.mktemp("p") / "p.parquet", candidates, POST), annotations)


def run(scorer, method, budgets=(), **options):
    return search(scorer, Options(method=method, **{"max_per_level": 1, **options}), budgets)


scored = st.builds(
    lambda kept, ap, price: Scored(tuple(sorted(kept)), ap / 4, Cost(len(kept), price, price, ()), price),
    st.sets(st.integers(0, 5), min_size=1),
    st.integers(0, 4),
    st.integers(1, 5),
)


@given(st.lists(scored, max_size=12))
def test_front_holds_exactly_what_nothing_dominates(subsets):
    front = pareto_front(subsets)

    def dominates(a, b):
        return a.ap >= b.ap and a.price <= b.price and (a.ap, a.price) != (b.ap, b.price)

    points = {(s.ap, s.price) for s in subsets if not any(dominates(other, s) for other in subsets)}
    assert [(s.ap, s.price) for s in front] == sorted(points, key=lambda p: -p[1])
    assert len(front) == len(points)


@given(st.lists(scored, max_size=12))
def test_working_front_ends_with_the_same_points(subsets):
    working = WorkingFront()
    for one in subsets:
        working.offer(one)
    assert {(s.ap, s.price) for s in working.members} == {(s.ap, s.price) for s in pareto_front(subsets)}


@pytest.mark.parametrize("method", METHODS)
def test_every_figure_is_the_scorers_and_the_front_is_pareto(scorer, method):
    if method == "shared":
        with pytest.raises(UserError, match="equally many"):
            run(scorer, method)
        return
    result = run(scorer, method)
    assert len({s.kept for s in result.evaluated}) == len(result.evaluated)
    for one in result.evaluated:
        assert one.ap == scorer.ap(one.kept)
    assert result.front == pareto_front(result.evaluated)
    assert result.evaluated[0] == result.full


def test_best_finds_the_whole_front_of_all_subsets(scorer):
    everything = run(scorer, "exhaustive")
    assert len(everything.evaluated) == 31
    assert run(scorer, "best").front == everything.front
    for method in ("greedy", "pareto", "beam", "layerwise"):
        share = hypervolume(run(scorer, method).front, everything.full.price, 1)
        assert share <= hypervolume(everything.front, everything.full.price, 1)


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"shared"}))
@pytest.mark.parametrize("kind", ["macs", "boxes"])
def test_every_budget_that_can_be_met_gets_the_best_layout_scored(scorer, method, kind):
    budgets = ("1", "0.7", ".3", "0.16")
    result = run(scorer, method, budgets if kind == "macs" else budgets[:3], cost=kind, min_ap=0.9)
    for text, chosen in result.budgets.items():
        limit = float(text) * result.full.price
        assert chosen.price <= limit
        assert chosen == best_within(result.evaluated, limit)


def test_a_budget_below_every_anchor_is_refused(scorer):
    with pytest.raises(UserError, match="cheapest anchor"):
        run(scorer, "greedy", ("0.01",))


@pytest.mark.parametrize("method", ["greedy", "pareto", "beam", "best", "random"])
def test_max_subsets_is_kept(scorer, method):
    assert len(run(scorer, method, max_subsets=9).evaluated) == 9


def test_same_seed_same_subsets(scorer):
    first, second, other = (run(scorer, "random", max_subsets=12, seed=s) for s in (1, 1, 2))
    assert first == second
    assert first != other
