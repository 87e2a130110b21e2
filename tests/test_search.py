import csv
import json
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.generate import HEAD, make, write
from oracles.reference import coco_dict
from running.results import results

from anchorprune.cli import main
from anchorprune.errors import UserError
from anchorprune.heads.cost import Cost
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Postprocess
from anchorprune.scoring import Scorer
from anchorprune.search.front import Scored, WorkingFront, best_within, hypervolume, pareto_front
from anchorprune.search.journal import NAME, Journal
from anchorprune.search.methods import METHODS
from anchorprune.search.run import Options, search

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


@given(st.lists(scored, max_size=12), st.integers(1, 6))
def test_the_area_under_a_front_is_the_sum_over_whole_prices(subsets, full):
    """At each price below the full one, the best AP to be had for no more."""
    below = [max((s.ap for s in subsets if s.price <= price), default=0) for price in range(full)]
    assert hypervolume(subsets, full, 1) == pytest.approx(sum(below) / full, abs=1e-12)


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


def test_best_scores_all_subsets_where_there_are_few(scorer):
    everything = run(scorer, "exhaustive")
    assert len(everything.evaluated) == 31
    assert run(scorer, "best").front == everything.front


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


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    annotations, candidates = make(11, images=60, boxes=90)
    write(folder / "p.parquet", candidates, POST)
    (folder / "a.json").write_text(json.dumps(coco_dict(annotations)))
    return folder


def arguments(files, output, *more):
    names = [str(files / "p.parquet"), str(files / "a.json"), "--output", str(output)]
    return ["search", *names, "--method", "best", "--budget", "0.7", "--budget", ".30", "--resamples", "20", *more]


def contents(folder):
    return {path.name: path.read_bytes() for path in results(folder)}


def test_search_command_writes_the_documented_files(files, tmp_path, capsys):
    assert main(arguments(files, tmp_path, "--report", str(files / "p.parquet"), str(files / "a.json"))) == 0
    printed = json.loads(capsys.readouterr().out)
    assert set(contents(tmp_path)) == {
        *("front.csv", "evaluated.parquet", "selection.json", "layout-0.7.json", "layout-.30.json")
    }
    with (tmp_path / "front.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:5] == ["kept", "ap", "macs", "boxes", "anchors"]
    assert [float(r["ap"]) for r in rows] == [r["ap"] for r in printed["front"]]
    assert all(float(r["gap"]) == 0 and float(r["low"]) <= float(r["high"]) for r in rows)
    layout = Layout.load(tmp_path / "layout-0.7.json", HEAD)
    assert " ".join(map(str, layout.kept)) == printed["budgets"]["0.7"]["kept"]
    assert list(rows[0])[-4:] == ["ap_corrected", "change", "change_low", "change_high"]
    assert pq.read_table(tmp_path / "evaluated.parquet").num_rows == printed["subsets"] == 31


def test_same_bytes_on_any_number_of_threads(files, tmp_path):
    assert main(arguments(files, tmp_path / "one", "--threads", "1")) == 0
    assert main(arguments(files, tmp_path / "three", "--threads", "3")) == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "three")


def test_killed_and_started_again_it_ends_with_the_same_bytes(files, tmp_path):
    assert main(arguments(files, tmp_path / "whole")) == 0
    command = [sys.executable, "-m", "anchorprune", *arguments(files, tmp_path / "killed")]
    for name, lines in ((NAME, 2), (NAME, 9), ("journal-1.txt", 5), ("journal-3.txt", 20)):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        journal = tmp_path / "killed" / name
        while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") > lines):
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
    if journal.exists():
        journal.write_bytes(journal.read_bytes() + b"0 1 2\t0.12")  # as if cut off within a line
    assert main(arguments(files, tmp_path / "killed")) == 0
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_a_journal_of_other_inputs_is_thrown_away(tmp_path):
    with Journal(tmp_path, "one") as first:
        first.add({(0, 1): 0.25})
    with Journal(tmp_path, "one") as again:
        assert again.aps == {(0, 1): 0.25}
    with Journal(tmp_path, "other") as other:
        assert other.aps == {}
        other.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--budget", "0.01"], "cheapest anchor"),
        (["--budget", "x"], "not a fraction"),
        (["--min-ap", "2"], "neither an AP"),
        (["--method", "layerwise"], "--max-per-level"),
        (["--method", "shared"], "equally many"),
    ],
)
def test_bad_options_end_with_one_line_and_status_2(files, tmp_path, capsys, more, message):
    assert main(arguments(files, tmp_path, *more)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
