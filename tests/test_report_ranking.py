"""How well searches rank layouts: scipy's correlations, and intervals of a bootstrap of the test's own."""

import json
from pathlib import Path

import numpy as np
import pytest
from running.results import names_in

from anchorprune.heads.layout import Layout
from anchorprune.report.contents import overall_files, report_files
from anchorprune.report.data.manifest import read_manifest
from anchorprune.report.data.metrics import AP_FIGURES
from anchorprune.report.data.published import Published
from anchorprune.report.data.ranking import correlations, ranking
from anchorprune.report.data.results import results_table
from anchorprune.report.data.section import Section
from anchorprune.report.tables.ranking_table import ranking_as_text

stats = pytest.importorskip("scipy.stats")  # the core does without


@pytest.fixture
def made(ssd300, tmp_path):
    """`made(aps)`: path of a manifest; `aps`: (experiment, seed, dropped) -> APs of search, sliced, finished."""
    ssd300.save(tmp_path / "head.json")

    def file(name, value):
        (tmp_path / name).write_text(json.dumps(value))
        return str(tmp_path / name)

    def metrics(name, ap):
        return file(name, {**dict.fromkeys(AP_FIGURES, ap), "per_class": {}})

    def make(aps, **more):
        entries = []
        for number, ((experiment, seed, dropped, *control), values) in enumerate(aps.items()):
            names = {"experiment": experiment, "detector": "ssd", "dataset": "d", "anchor_set": "a", "seed": seed}
            full = {"head": str(tmp_path / "head.json"), "unpruned": metrics("full.json", 0.5)}
            entries.append({**names, **more, "method": "", "budget": 1, "files": full})
            Layout.drop(ssd300, dropped).save(tmp_path / f"layout-{number}.json")
            files = {**full, "layout": str(tmp_path / f"layout-{number}.json")}
            files |= {"score": file(f"score-{number}.json", {"ap": values[0]})}
            files |= {"sliced": metrics(f"sliced-{number}.json", values[1])}
            files |= {"metrics": metrics(f"final-{number}.json", values[2])}
            if values[1] == values[2]:  # nothing was trained after the search
                files["metrics"] = files["sliced"]
            names |= {"method": "best", "budget": 0.9 - 0.01 * number, "control": (*control, "")[0]}
            entries.append({**names, **more, "files": files})
        return Path(file("manifest.json", entries))

    return make


def table_of(path):
    entries = read_manifest(path)
    return ranking(Section(entries, results_table(entries), Published()))


def some(experiment, seed, count, rng, trained=True):
    """`count` layouts, each without one anchor more, with APs that have ties."""
    found = {}
    for n in range(count):
        search, sliced, final = (rng.integers(0, 2 * count, 3) / 100 + 0.3).tolist()
        found[experiment, seed, tuple(range(n + 1))] = (search, sliced, final if trained else sliced)
    return found


@pytest.mark.parametrize("count", [4, 9, 30])
def test_correlations_are_scipys(count):
    rng = np.random.default_rng(count)
    pairs = [(rng.integers(0, count, count) / 7, rng.integers(0, count, count) / 3) for _ in range(3)]
    found = correlations(pairs)
    spearman = np.mean([stats.spearmanr(*pair).statistic for pair in pairs])
    kendall = np.mean([stats.kendalltau(*pair).statistic for pair in pairs])
    assert found.values.tolist() == pytest.approx([spearman, kendall], abs=1e-12)


def test_intervals_are_those_of_draws_of_layouts():
    rng = np.random.default_rng(5)
    before = rng.normal(0, 1, 14)
    pairs = [(before, before + rng.normal(0, 1, 14)) for _ in range(2)]
    drawn = []
    for _ in range(1500):
        picks = [rng.choice(14, 14) for _ in pairs]
        parts = [(a[p], b[p]) for (a, b), p in zip(pairs, picks, strict=True)]
        drawn.append([np.mean([of(*part).statistic for part in parts]) for of in (stats.spearmanr, stats.kendalltau)])
    found = correlations(pairs)
    low, high = np.percentile(drawn, (2.5, 97.5), axis=0)
    assert found.low.tolist() == pytest.approx(low, abs=0.06)
    assert found.high.tolist() == pytest.approx(high, abs=0.06)
    again = correlations(pairs)
    assert (again.low.tolist(), again.high.tolist()) == (found.low.tolist(), found.high.tolist())


def test_the_same_order_and_the_other_way_round():
    values = np.arange(5) / 10
    for sign in (1, -1):
        found = correlations([(values, sign * values)])
        assert found.values.tolist() == found.low.tolist() == found.high.tolist() == pytest.approx([sign, sign])
    constant = correlations([(values, np.zeros(5))])
    assert np.isnan([constant.values, constant.low, constant.high]).all()


def test_within_each_seed(made):
    """Seeds differ by more than layouts do: pooled, the order of the seeds would look like skill."""
    rng = np.random.default_rng(1)
    first, second = some("x", 0, 6, rng), some("x", 1, 5, rng)
    second = {key: tuple(ap + 0.4 for ap in aps) for key, aps in second.items()}
    by_search, by_sliced = table_of(made({**first, **second}, retrain="finetune")).to_dict("records")
    assert (by_search["before"], by_sliced["before"]) == ("AP (search, prune split)", "AP (before retraining)")
    for row, column in ((by_search, 0), (by_sliced, 1)):
        seeds = [np.array(list(one.values())) for one in (first, second)]
        rho = np.mean([stats.spearmanr(aps[:, column], aps[:, 2]).statistic for aps in seeds])
        tau = np.mean([stats.kendalltau(aps[:, column], aps[:, 2]).statistic for aps in seeds])
        assert (row["seeds"], row["layouts"], row["way"]) == (2, 11, "fine-tuned for each budget")
        assert [row["spearman"], row["kendall"]] == pytest.approx([rho, tau])
        assert row["spearman_low"] < row["spearman"] < row["spearman_high"]
        assert row["gap"] == pytest.approx(np.mean([(aps[:, column] - aps[:, 2]).mean() for aps in seeds]))
        assert row["ap_spread"] == pytest.approx(np.mean([np.ptp(aps[:, 2]) for aps in seeds]))


def test_a_layout_counts_once_and_controls_do_not(made, ssd300):
    aps = some("x", 0, 4, np.random.default_rng(2), trained=False)
    first, *_, last = aps
    path = made({**aps, (*first[:2], first[2], "random"): (0.9, 0.1, 0.1)}, retrain="once")
    entries = json.loads(path.read_text())
    path.write_text(json.dumps([*entries, {**entries[1], "budget": 0.01}]))  # a budget that came to the first layout
    (row,) = table_of(path).to_dict("records")
    assert (row["layouts"], row["way"], row["before"]) == (4, "anchor dropout, then sliced", "AP (search, prune split)")
    values = np.array(list(aps.values()))
    assert row["spearman"] == pytest.approx(stats.spearmanr(values[:, 0], values[:, 2]).statistic)
    macs = [level.macs_per_anchor for level in ssd300.levels for _ in level.anchors]
    assert row["macs_spread"] == pytest.approx(sum(macs[1 : len(last[2])]) / sum(macs))


def test_few_layouts_have_no_correlation_but_a_gap(made):
    path = made(some("x", 0, 3, np.random.default_rng(3)) | some("y", 0, 4, np.random.default_rng(4)))
    table = table_of(path)
    assert list(table["experiment"]) == ["x", "x", "y", "y"]
    assert list(table["spearman"].notna()) == [False, False, True, True]
    assert table["gap"].notna().all()
    shown = ranking_as_text(table)
    assert list(shown["spearman"][:2]) == ["-", "-"]
    assert shown["spearman"][2].startswith(f"{table['spearman'][2]:.2f} [")


@pytest.mark.slow
def test_it_is_written_where_there_are_enough_and_shown(made, run_command, tmp_path):
    few = made(some("x", 0, 3, np.random.default_rng(3)))
    assert "ranking.csv" not in overall_files(json.loads(few.read_text()))
    enough = made(some("x", 0, 4, np.random.default_rng(3)))
    done = run_command("report", enough, "--output", tmp_path / "report")
    assert done.status == 0, done.err
    names = names_in(tmp_path / "report")
    assert names == sorted(report_files(json.loads(enough.read_text())))
    assert {"ranking.csv", "ranking.md", "ranking.tex"} < set(names)
    assert "| AP (before retraining) " in (tmp_path / "report/ranking.md").read_text()
    page = (tmp_path / "report/index.html").read_text()
    assert 'id="ranking"' in page
    assert "Spearman&#39;s rho [95%]" in page
    assert 'id="ranking"' not in (tmp_path / "report/experiment-x.html").read_text()
