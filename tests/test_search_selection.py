"""How sure a search is of what it picked: folds, stitched detections, corrected figures, rules, warnings."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.generate import make, postprocesses, write
from oracles.reference import coco_dict, pycocotools_figures, results
from oracles.resamples import resampled

from anchorprune.cli import main
from anchorprune.datasets.coco import read_coco
from anchorprune.errors import UserError
from anchorprune.heads.predictions import Postprocess, Predictions
from anchorprune.report.data.search_results import corrected, selected, warnings_of
from anchorprune.scoring import Bootstrap, LeftDetections, Scorer, StitchedScorer
from anchorprune.search.choice import CHOICES
from anchorprune.search.folds import cross_fit, drawn_folds
from anchorprune.search.front import best_within
from anchorprune.search.run import Options, search, searched

POST = Postprocess(0.0, 0.5, None, 100, 0)
quickly = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def part_of(annotations, candidates, images, folder, post=POST):
    """Predictions and annotations of some images alone, as files of their own would give them."""
    kept = [i for i, wanted in enumerate(images) if wanted]
    mine = np.isin(annotations.image_index, kept)
    names = ("ids", "category_index", "boxes", "area", "iscrowd")
    fewer = dataclasses.replace(
        annotations,
        images=tuple(annotations.images[i] for i in kept),
        image_index=np.searchsorted(kept, annotations.image_index[mine]).astype(np.int32),
        **{name: getattr(annotations, name)[mine] for name in names},
    )
    rows = np.isin(candidates.image_id, [image.id for image in fewer.images])
    left = type(candidates)(**{name: values[rows] for name, values in vars(candidates).items()})
    return write(folder / "part.parquet", left, post), fewer


@quickly
@given(seed=st.integers(0, 2**32), post=postprocesses, kept=st.sets(st.integers(0, 4), min_size=1))
def test_some_of_the_images_score_as_files_of_them_alone(tmp_path_factory, seed, post, kept):
    folder = tmp_path_factory.mktemp("p")
    annotations, candidates = make(seed, images=20)
    images = np.random.default_rng(seed).random(20) < 0.5
    images[[image.id for image in annotations.images].index(candidates.image_id[np.argmax(candidates.score)])] = True
    some = Scorer(write(folder / "p.parquet", candidates, post), annotations, 2).on(images)
    alone = Scorer(*part_of(annotations, candidates, images, folder, post), 1)
    assert some.score(kept) == alone.score(kept)
    children = [[a] for a in range(5)]
    np.testing.assert_array_equal(some.children(kept, children), alone.children(kept, children))
    np.testing.assert_array_equal(some.detections(kept).boxes, alone.detections(kept).boxes)
    np.testing.assert_array_equal(Bootstrap(some, 3).aps(kept), Bootstrap(alone, 3).aps(kept))


def pycocotools_ap(file, found):
    """AP of a results list, pycocotools reading the annotations' own file."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO(str(file))
    run = COCOeval(truth, truth.loadRes(found), "bbox")
    run.evaluate()
    run.accumulate()
    run.summarize()
    return run.stats[0]


def listed_of(scorer, subsets, which):
    """Detections of each image by its own subset."""
    parts = [dataclasses.asdict(scorer.detections(subset)) for subset in subsets]
    ids = scorer.annotations.image_ids
    masks = [np.isin(part["image_id"], ids[which == n]) for n, part in enumerate(parts)]
    return {
        name: np.concatenate([part[name][mask] for part, mask in zip(parts, masks, strict=True)]) for name in parts[0]
    }


@quickly
@given(seed=st.integers(0, 2**32), post=postprocesses, data=st.data())
def test_stitched_detections_score_as_pycocotools_scores_them(tmp_path_factory, seed, post, data):
    # Scores without ties, as for every resample.
    annotations, candidates = make(seed, images=9, levels_of_score=10**6)
    annotations = dataclasses.replace(annotations, ids=annotations.ids + 1)
    scorer = Scorer(write(tmp_path_factory.mktemp("p") / "p.parquet", candidates, post), annotations)
    subsets = data.draw(st.lists(st.sets(st.integers(0, 4), min_size=1), min_size=3, max_size=3))
    which = np.random.default_rng(seed).integers(0, 3, 9)
    bootstrap, stitched = Bootstrap(scorer, 7, seed), StitchedScorer(scorer, which, 3)
    for some in (subsets, subsets[1:] + subsets[:1]):  # the second from where the first has come to
        aps = bootstrap.aps_of(stitched.evaluated(some))
        found = LeftDetections(**listed_of(scorer, some, which))
        for times, ap in [(np.ones(9, int), stitched.ap(some)), *list(zip(bootstrap.times, aps, strict=True))[::3]]:
            assert ap == pytest.approx(pycocotools_figures(*resampled(annotations, found, times))[0], abs=1e-9)
    assert stitched.ap(subsets[:1] * 3) == scorer.ap(subsets[0])


def test_stitched_real_detections_score_as_pycocotools_scores_the_file(shared_data):
    file = shared_data / "coco2017_subset/annotations/instances_val2017.json"
    scorer = Scorer(Predictions.open(shared_data / "predictions/yolov5n_coco_val206.parquet"), read_coco(file))
    subsets, which = [(0, 3, 7), (1, 4, 6, 8), tuple(range(9))], np.arange(len(scorer.images)) % 3
    columns = listed_of(scorer, subsets, which)
    found = results(columns["image_id"], columns["category_id"], columns["score"], columns["boxes"])
    assert StitchedScorer(scorer, which, 3).ap(subsets) == pytest.approx(pycocotools_ap(file, found), abs=1e-9)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    annotations, candidates = make(11, images=60, boxes=90)
    predictions = write(folder / "p.parquet", candidates, POST)
    (folder / "a.json").write_text(json.dumps(coco_dict(annotations)))
    return folder, annotations, candidates, Scorer(predictions, annotations)


def test_a_folds_search_is_the_search_of_the_other_folds_files(made, tmp_path):
    _, annotations, candidates, scorer = made
    budgets, options = ("0.7", "0.3"), Options("greedy", any_budget=True)
    full = searched(scorer, options).evaluated[0].price
    wanted = [(CHOICES["best"], float(text) * full) for text in budgets]
    fit = cross_fit(scorer, lambda some: options, wanted, 4)
    assert sorted(np.bincount(fit.fold)) == [15] * 4
    for fold, chosen in enumerate(fit.chosen):
        others = Scorer(*part_of(annotations, candidates, fit.fold != fold, tmp_path))
        assert chosen == [scored.kept for scored in search(others, options, budgets).budgets.values()]


def test_folds_are_even_and_follow_the_seed():
    images = np.arange(23) % 4 > 0
    fold = drawn_folds(images, 5, 3)
    assert sorted(np.bincount(fold[images])) == [3, 3, 3, 4, 4]
    np.testing.assert_array_equal(fold, drawn_folds(images, 5, 3))
    assert (fold != drawn_folds(images, 5, 4)).any()


@pytest.mark.parametrize("share", [0.8, 0.45, 0.3])
def test_rules_take_what_they_say(made, share):
    problem = searched(made[3], Options("exhaustive"))
    limit = share * problem.price(problem.full)
    within = [s for s in problem.evaluated if s.price <= limit]
    highest = CHOICES["best"](problem, limit)
    assert highest == best_within(problem.evaluated, limit)
    error = problem.standard_error(highest.kept)
    near = [s for s in within if s.ap >= highest.ap - error]
    taken = CHOICES["one-se"](problem, limit)
    assert taken in near
    assert len(taken.kept) == max(len(s.kept) for s in near)
    taken = CHOICES["closest"](problem, limit)
    close = [s for s in within if s.price >= 0.9 * limit] or [max(within, key=lambda s: s.price)]
    assert taken.ap == max(s.ap for s in close)


def test_a_standard_error_is_that_of_the_change(made):
    scorer = made[3]
    problem = searched(scorer, Options("greedy"))
    assert problem.standard_error(problem.full) == 0
    aps = Bootstrap(scorer, 200)
    changes = aps.aps((0, 1)) - aps.aps(range(5))
    expected = np.sqrt(np.mean((changes - changes.mean()) ** 2))
    assert problem.standard_error((0, 1)) == pytest.approx(expected, abs=1e-12)


def run(folder, output, capsys, *more):
    names = [str(folder / "p.parquet"), str(folder / "a.json"), "--output", str(output), "--resamples", "20"]
    assert main(["search", *names, "--budget", "0.95", "--budget", "0.9", "--budget", "0.3", *more]) == 0
    printed = capsys.readouterr()
    with (output / "front.csv").open() as file:
        rows = list(csv.DictReader(file))
    return json.loads(printed.out), printed.err, rows, json.loads((output / "selection.json").read_text())


def test_selection_json_says_how_sure_each_budget_is(made, tmp_path, capsys):
    folder, _, _, scorer = made
    printed, said, rows, selection = run(folder, tmp_path, capsys, "--seed", "3")
    assert (selection["version"], selection["folds"], selection["images"]) == (1, 5, 60)
    full = printed["full"]["macs"]
    wanted = [(CHOICES["best"], float(text) * full) for text in selection["budgets"]]
    fit = cross_fit(scorer, lambda some: Options(seed=3), wanted, 5)
    for index, (text, budget) in enumerate(selection["budgets"].items()):
        subsets = [chosen[index] for chosen in fit.chosen]
        assert budget["ap"] == scorer.ap(budget["kept"])
        assert budget["stability"] == [sum(a in kept for kept in subsets) / 5 for a in range(5)]
        bootstrap, stitched = Bootstrap(scorer, 20), StitchedScorer(scorer, fit.fold, 5)
        changes = bootstrap.aps_of(stitched.evaluated(subsets)) - bootstrap.aps(range(5))
        assert budget["ap_corrected"] == stitched.ap(subsets)
        assert budget["change"] == pytest.approx(stitched.ap(subsets) - scorer.ap(range(5)), abs=1e-12)
        each = np.array([scorer.ap(kept) for kept in subsets])
        picked = 1.96**2 * 4 / 5 * np.sum((each - each.mean()) ** 2)  # the jackknife's variance
        for end, percentile, sign in (("change_low", 2.5, -1), ("change_high", 97.5, 1)):
            sampled = (np.percentile(changes, percentile) - budget["change"]) ** 2
            assert budget[end] == pytest.approx(budget["change"] + sign * np.sqrt(sampled + picked), abs=1e-12)
        assert budget["price"] == budget["share_of_cost"] * full
        assert printed["budgets"][text]["change_low"] == budget["change_low"]
    assert selection["budgets"]["0.9"]["same_as"] == "0.95"
    assert [selection["budgets"][text]["same_as"] for text in ("0.95", "0.3")] == [None, None]
    assert "budgets 0.95, 0.9: the same layout" in said
    assert any("60 images, fewer than 100" in line for line in selection["warnings"])
    assert all(f"search: {line}\n" in said for line in selection["warnings"])
    assert all(float(row["change_low"]) <= float(row["change"]) <= float(row["change_high"]) for row in rows)


def test_without_folds_nothing_is_corrected(made, tmp_path, capsys):
    printed, _, rows, selection = run(made[0], tmp_path, capsys, "--folds", "0")
    assert selection["folds"] == 0
    assert list(rows[0])[-1] == "high"
    for budget in (*selection["budgets"].values(), *printed["budgets"].values()):
        assert {budget[key] for key in ("ap_corrected", "change", "change_low", "change_high")} == {None}
        assert budget["stability"] is None


def test_a_search_by_milliseconds_shows_them(made, tmp_path, capsys):
    folder, _, _, scorer = made
    nothing = [{"ms": [0] * 3}, {"ms": [0] * 4}]
    measured = [{"ms": [0, 2.0, 2.5]}, {"ms": [0, 1.0, 0.75, 1.5]}]
    about = {"version": 1, "head": scorer.head.name, "device": "a board", "fixed_ms": 0.25}
    table = folder / "table.json"
    table.write_text(json.dumps({**about, "levels": measured, "post": {"levels": nothing}}))
    printed, _, rows, selection = run(
        folder, tmp_path, capsys, "--cost", "latency", "--latency-table", str(table), "--folds", "2"
    )
    for row in rows:
        counts = [sum(int(a) < 2 for a in row["kept"].split()), sum(int(a) >= 2 for a in row["kept"].split())]
        assert float(row["latency"]) == 0.25 + sum(m["ms"][n] for m, n in zip(measured, counts, strict=True))
    assert "latency" in pq.read_table(tmp_path / "evaluated.parquet").column_names
    for text, budget in selection["budgets"].items():
        assert budget["price"] == printed["budgets"][text]["latency"]
        assert budget["price"] <= float(text) * printed["full"]["latency"]


def test_a_detector_that_has_hardly_learnt_and_rare_classes_are_named(tmp_path, capsys):
    annotations, candidates = make(5, images=12, objects=3, boxes=5)
    boxes = np.zeros_like(candidates.boxes) + np.array([0, 0, 1, 1], np.float32)
    write(tmp_path / "p.parquet", dataclasses.replace(candidates, boxes=boxes), POST)
    (tmp_path / "a.json").write_text(json.dumps(coco_dict(annotations)))
    _, said, _, selection = run(tmp_path, tmp_path / "out", capsys)
    assert "hardly learnt" in said
    counted = np.bincount(annotations.category_index[~annotations.iscrowd], minlength=3)
    few = [f"{name} ({count})" for name, count in zip(annotations.category_names, counted, strict=True) if count < 10]
    assert few
    assert any(f"{len(few)} of 3 classes" in line and ", ".join(few) in line for line in selection["warnings"])


def test_the_report_reads_it_and_does_without(made, tmp_path, capsys):
    _, _, _, selection = run(made[0], tmp_path, capsys)
    path = str(next(tmp_path.glob("**/selection.json")))
    text, budget = next(iter(selection["budgets"].items()))
    assert selected({"selection": path}, float(text)) == budget
    ap, change = corrected({"selection": path}, float(text))
    wanted = [budget[name] for name in ("ap_corrected", "change", "change_low", "change_high")]
    assert [ap, change.ap, change.low, change.high] == wanted
    assert warnings_of(path) == selection["warnings"]
    assert np.isnan(corrected({}, 0.5)[0])  # an older search has no such file
    Path(path).write_text('{"version": 2}')
    with pytest.raises(UserError, match="search again"):
        selected({"selection": path}, float(text))


@pytest.mark.parametrize("method", ["pareto", "greedy"])
@pytest.mark.parametrize("choice", list(CHOICES))
def test_a_budget_chosen_later_is_the_one_searched_with(made, tmp_path, capsys, method, choice):
    """Whatever other budgets there are; and nothing of the search is written again."""
    folder = made[0]
    names = [str(folder / "p.parquet"), str(folder / "a.json")]
    how = ["--method", method, "--choice", choice, "--min-ap", "90%", "--seed", "3"]
    _, _, _, selection = run(folder, tmp_path / "with", capsys, *how)
    search = ["search", *names, *how, "--any-budget", "--resamples", "20", "--output", str(tmp_path / "any")]
    assert main(search) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "any").iterdir()}
    assert not any(name.startswith("layout") for name in before)
    for text, budget in selection["budgets"].items():
        assert main(["choose", str(tmp_path / "any"), *names, "--budget", text, "--resamples", "20"]) == 0
        layout = f"layout-{text}.json"
        assert (tmp_path / "any" / layout).read_bytes() == (tmp_path / "with" / layout).read_bytes()
        found = json.loads((tmp_path / "any" / f"choice-{text}.json").read_text())
        assert {**found, "same_as": budget["same_as"]} == {**budget, "version": 1, "budget": text}
        alone = tmp_path / f"alone-{text}"
        alone_search = ["search", *names, *how, "--budget", text, "--resamples", "20", "--output", str(alone)]
        assert main(alone_search) == 0
        assert (alone / layout).read_bytes() == (tmp_path / "with" / layout).read_bytes()
    assert before == {name: (tmp_path / "any" / name).read_bytes() for name in before}
    capsys.readouterr()


def test_what_cannot_be_chosen_from(made, tmp_path, capsys):
    folder = made[0]
    names = [str(folder / "p.parquet"), str(folder / "a.json")]
    run(folder, tmp_path / "with", capsys)
    choose = ["choose", str(tmp_path / "with"), *names, "--budget", "0.5"]
    assert main(choose) == 2
    assert "search again with --any-budget" in capsys.readouterr().err
    assert main(["search", *names, "--any-budget", "--resamples", "0", "--output", str(tmp_path / "with")]) == 0
    capsys.readouterr()
    log = tmp_path / "with/folds.parquet"
    log.write_bytes(log.read_bytes()[:100])
    assert main(choose) == 2
    assert f"{log}: damaged or changed since" in capsys.readouterr().err
    (tmp_path / "with/search.record.json").unlink()  # as of a search without one
    assert main(choose) == 2
    assert f"{log}: damaged or cut off" in capsys.readouterr().err
    other, candidates = make(12, images=60, boxes=90)
    write(tmp_path / "p.parquet", candidates, POST)
    (tmp_path / "a.json").write_text(json.dumps(coco_dict(other)))
    assert main(["search", *names, "--any-budget", "--resamples", "0", "--output", str(tmp_path / "with")]) == 0
    others = [str(tmp_path / "p.parquet"), str(tmp_path / "a.json")]
    assert main(["choose", str(tmp_path / "with"), *others, "--budget", "0.5"]) == 2
    assert "other predictions or annotations" in capsys.readouterr().err
