"""How good each search method is, and what holds for all of them."""

import pytest
from oracles.generate import grid_head, make, write

from anchorprune.heads.predictions import Postprocess
from anchorprune.scoring import Scorer
from anchorprune.search.front import hypervolume
from anchorprune.search.journal import NAME, Journal
from anchorprune.search.methods import METHODS, load
from anchorprune.search.run import Options, search

POST = Postprocess(0.0, 0.5, None, 100, 0)
SEEDED = [name for name in METHODS if "seed" in load(name).options]


def run(scorer, method, **options):
    return search(scorer, Options(method=method, **{"max_per_level": 1, **options}))


@pytest.fixture(scope="module")
def grids(tmp_path_factory):
    """Heads of nine anchors, each with the search through all of its 511 subsets."""
    scorers = [grid_scorer(tmp_path_factory.mktemp("grid"), seed, grid_head(3, 3), 60) for seed in range(5)]
    return [(scorer, run(scorer, "exhaustive")) for scorer in scorers]


@pytest.fixture
def scorer(grids):
    return grids[0][0]


def grid_scorer(folder, seed, head, boxes):
    annotations, candidates = make(seed, images=20, boxes=boxes, head=head)
    return Scorer(write(folder / "p.parquet", candidates, POST, head), annotations)


# Shares of the area under the front of all subsets, as measured on these heads, cut to four digits.
SHARES = {
    "greedy": (0.9969, 0.9667, 0.7900, 0.9969, 0.9960),
    "pareto": (0.9885, 0.9181, 0.9999, 0.9969, 0.9147),
    "layerwise": (0.6870, 0.6484, 0.6781, 0.6718, 0.7037),
    "shared": (0.8856, 0.8756, 0.9314, 0.9751, 0.7736),
    "beam": (1, 1, 1, 1, 1),
    "random": (0.8961, 0.9508, 0.9218, 0.9539, 0.9415),  # of 60 subsets, as the next two
    "best": (0.9847, 0.9738, 0.9959, 0.9879, 1),
    "anneal": (0.9994, 0.9738, 0.9987, 0.9807, 1),
}


@pytest.mark.parametrize("method", SHARES)
def test_a_method_finds_its_share_of_the_front_of_all_subsets(grids, method):
    most = 60 if method in ("random", "best", "anneal") else None
    for (scorer, everything), least in zip(grids, SHARES[method], strict=True):
        assert len(everything.evaluated) == 511
        found, full = run(scorer, method, max_subsets=most), everything.full.price
        share = hypervolume(found.front, full, 1) / hypervolume(everything.front, full, 1)
        assert least <= share <= 1


def test_best_finds_the_whole_front_in_200_subsets_of_511(grids):
    for scorer, everything in grids:
        assert run(scorer, "best", max_subsets=200).front == everything.front


@pytest.mark.parametrize("seed", range(3))
def test_anneal_is_ahead_where_few_subsets_of_many_anchors_are_scored(tmp_path, seed):
    scorer = grid_scorer(tmp_path, 100 + seed, grid_head(4, 8), 120)
    methods = ("anneal", "best", "beam", "greedy", "pareto", "random")
    results = {method: run(scorer, method, max_subsets=160) for method in methods}
    areas = {method: hypervolume(result.front, result.full.price, 1) for method, result in results.items()}
    assert areas.pop("anneal") > 1.05 * max(areas.values())


@pytest.mark.parametrize("method", METHODS)
def test_max_subsets_is_kept(scorer, method):
    assert len(run(scorer, method, max_subsets=7).evaluated) == 7


@pytest.mark.parametrize("method", SEEDED)
def test_same_seed_same_subsets(scorer, method):
    first, second, other = (run(scorer, method, max_subsets=20, seed=s) for s in (1, 1, 2))
    assert first == second
    assert first != other


@pytest.mark.parametrize("method", METHODS)
def test_a_search_goes_on_from_any_line_of_its_journal(scorer, tmp_path, method):
    options = Options(method, max_per_level=1, max_subsets=40)
    with Journal(tmp_path, "x") as journal:
        whole = search(scorer, options, journal=journal)
    lines = (tmp_path / NAME).read_bytes().splitlines(keepends=True)
    for count in (1, 2, len(lines) // 2, len(lines)):
        (tmp_path / NAME).write_bytes(b"".join(lines[:count]))
        with Journal(tmp_path, "x") as journal:
            assert len(journal.aps) == count - 1
            assert search(scorer, options, journal=journal) == whole
        assert (tmp_path / NAME).read_bytes() == b"".join(lines)
