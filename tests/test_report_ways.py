"""Ways of training side by side: APs and intervals by pycocotools and numpy, what was trained, why it was decided."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from oracles.figure_files import check_figure
from oracles.html_page import Page
from oracles.small_split import detections_of, pycocotools_ap, small_split
from running.results import names_in

from anchorprune.datasets.coco import read_coco
from anchorprune.detectors.compared import compared
from anchorprune.errors import UserError
from anchorprune.heads.detections import SplitDetections
from anchorprune.heads.layout import Layout
from anchorprune.report.contents import overall_files, report_files
from anchorprune.report.data.comparison import WAYS, comparison
from anchorprune.report.data.decisions import decisions
from anchorprune.report.data.manifest import read_manifest
from anchorprune.report.data.metrics import AP_FIGURES
from anchorprune.report.data.published import Published
from anchorprune.report.data.resampled_aps import ResampledAPs
from anchorprune.report.data.results import results_table
from anchorprune.report.data.section import Section
from anchorprune.report.figures import OF_WAYS
from anchorprune.report.tables.ways_table import cheaper_from
from anchorprune.scoring.bootstrap import drawn_times

DROPPED = {
    0.7: [5, 7],
    0.4: [5, 7, 13, 16, 17, 19, 22],
    0.35: [5, 7, 13, 16, 17, 19, 22],
}  # the last two are one layout
TRAIN = [{"start": "scratch", "epochs": 9, "iterations": None}]
SHORT = {"start": "weights", "epochs": 3, "iterations": None}
# Way -> folder of what is searched, folder below a budget's, its trainings, how far its boxes are off.
FORMS = {
    "none": ("train", "slice", TRAIN, 0.10),
    "once": ("retrain-once", "slice", [*TRAIN, SHORT], 0.07),
    "finetune": ("train", "retrain-finetune", [*TRAIN, SHORT], 0.06),
    "scratch": ("train", "retrain-scratch", [{**TRAIN[0], "epochs": 12}], 0.08),
}
MINUTES = {"train": 9.0, "retrain-once": 6.5, "retrain-finetune": 2.0, "retrain-scratch": 8.0}


class Made:
    """Writes what the pipeline leaves of detectors that all have the same data set, and lists them."""

    def __init__(self, folder, head):
        self.folder, self.head, self.rng, self.entries = folder, head, np.random.default_rng(0), []
        self.found = {}  # metrics file -> detections
        self.split = small_split(self.rng)
        (folder / "data").mkdir()
        (folder / "data/test.json").write_text(json.dumps(self.split))
        (folder / "data/dataset.json").write_text(json.dumps({"splits": {}}))

    def detector(self, path, trained, spread, minutes=None, reference=None):
        """A folder with its evaluation; with `reference` this states the change against that one."""
        folder = self.folder / path
        metrics = folder / "evaluate/metrics.json"
        if metrics.is_file():
            return str(metrics)
        metrics.parent.mkdir(parents=True)
        found = detections_of(self.split, self.rng, spread)
        self.found[str(metrics)] = found
        (metrics.parent / "detections.json").write_text(json.dumps(found))
        ap = pycocotools_ap(self.split, found)
        value = {**dict.fromkeys(AP_FIGURES, ap), "per_class": {}, "images": 12, "trained": trained}
        if reference:
            truth, mine = read_coco(self.folder / "data/test.json"), SplitDetections.from_rows(found)
            value["change"] = compared(truth, mine, self.folder / reference / "evaluate", 1)
        metrics.write_text(json.dumps(value))
        (folder / "detector.json").write_text(json.dumps({"version": 1, "trained": trained}))
        if minutes:
            (folder / "benchmark.tsv").write_text(f"s\th:m:s\tcpu_time\n1.0\t0:00:01\t{60 * minutes}\n")
        return str(metrics)

    def add(self, way, seed, budget=None, base="train", method="best", **files):
        """An entry of the manifest."""
        names = {"experiment": f"few-{way}", "compared": "few", "dataset": "d", "detector": "ssd", "anchor_set": "a"}
        names |= {"seed": seed, "retrain": way, "method": method if budget else "", "budget": budget or 1}
        trained = self.folder / f"d/ssd/a/seed-{seed}"
        self.head.save(trained / "train/head.json")
        files |= {
            "unpruned": str(trained / base / "evaluate/metrics.json"),
            "data": str(self.folder / "data/dataset.json"),
        }
        files |= {"head": str(trained / "train/head.json")}
        if budget:
            files.setdefault("layout", self.layout(budget))
        self.entries.append({**names, "files": files})

    def layout(self, budget):
        path = self.folder / f"layout-{budget}.json"
        Layout.drop(self.head, DROPPED[budget]).save(path)
        return str(path)

    def way(self, way, seed, budgets, states_change=False):
        """The unpruned detector of a way and its pruned ones."""
        base, below, trained, spread = FORMS[way]
        top = f"d/ssd/a/seed-{seed}"
        self.detector(f"{top}/train", TRAIN, 0.11, MINUTES["train"])
        searched = self.detector(f"{top}/{base}", trained if base != "train" else TRAIN, 0.08, MINUTES[base])
        reference = searched
        if way == "finetune":
            reference = self.detector(f"{top}/{below}", trained, 0.05, MINUTES[below])
        self.add(way, seed, base=base, reference=reference)
        for budget in budgets:
            folder, spread = f"{top}/best+{way}/{budget}", spread + 0.02
            sliced_as = trained if below == "slice" else TRAIN
            other = f"{top}/{base}" if states_change else None
            sliced = self.detector(f"{folder}/slice", sliced_as, spread + 0.05 * (below != "slice"), reference=other)
            final = self.detector(f"{folder}/{below}", trained, spread, MINUTES.get(below))
            self.add(way, seed, budget, base, reference=reference, sliced=sliced, metrics=final)

    def section(self):
        entries = read_manifest(self.manifest())
        return Section(entries, results_table(entries), Published())

    def manifest(self):
        path = self.folder / "manifest.json"
        path.write_text(json.dumps(self.entries))
        return path


@pytest.fixture
def made(ssd300, tmp_path):
    (tmp_path / "results").mkdir()
    return Made(tmp_path / "results", ssd300)


@pytest.fixture
def four(made):
    """All four ways with two seeds and two budgets; `none` states its changes."""
    for way in FORMS:
        for seed in (0, 1):
            made.way(way, seed, (0.7, 0.4), states_change=way == "none")
    return made


def final_of(entry):
    return entry["files"]["metrics" if entry["method"] else "reference"]


@pytest.mark.parametrize("way", ["none", "finetune"])
def test_aps_on_resamples_are_pycocotools(made, way):
    """`none` states its changes, so its APs are the reference's and those; `finetune` has its detections alone."""
    made.way(way, 0, (0.7,), states_change=True)
    section, times = made.section(), drawn_times(12)
    for entry in section.entries:
        found = ResampledAPs().of(entry)
        assert len(found) == len(times) == 1000
        for which in (0, 1, 999):
            says = pycocotools_ap(made.split, made.found[final_of(entry)], times[which])
            assert found[which] == pytest.approx(says, abs=1e-9)


def test_means_and_intervals(four):
    section = four.section()
    table, aps = comparison(section), ResampledAPs()
    assert list(table["way"]) == [WAYS[way] for way in ("none", "once", "finetune", "scratch") for _ in range(3)]
    assert list(table["configuration"][:3]) == ["unpruned", "best @0.7", "best @0.4"]
    rng = np.random.default_rng(99)

    def drawn(way, name):
        """(seeds, R) APs on the images' resamples, and their mean on the images."""
        chosen = [e for e in section.entries if (WAYS[e["retrain"]], e["budget"]) == (way, name)]
        found = [pycocotools_ap(four.split, four.found[final_of(e)]) for e in chosen]
        return np.array([aps.of(e) for e in chosen]), np.mean(found)

    def outside(values, low, high):
        """Shares of many draws of seeds and, for all seeds, of one resample of the images: those of a thousand draws
        are right to three times 0.005.
        """
        picks, images = rng.integers(0, 2, (40_000, 2)), rng.integers(0, 1000, 40_000)
        means = values[picks, images[:, None]].mean(1)
        return [np.mean(means < low), np.mean(means > high)]

    wanted = pytest.approx([0.025, 0.025], abs=0.015)
    for row in table.itertuples():
        mine, mean = drawn(row.way, row.budget)
        assert row.ap == pytest.approx(mean, abs=1e-9)
        assert outside(mine, row.ap_low, row.ap_high) == wanted
        if row.way == WAYS["finetune"]:
            assert row.against == ""
            assert np.isnan([row.ap_difference, row.ap_difference_low]).all()
            continue
        other, its = drawn(WAYS["finetune"], row.budget)
        assert row.against == WAYS["finetune"]
        assert row.ap_difference == pytest.approx(mean - its, abs=1e-9)
        assert outside(mine - other, row.ap_difference_low, row.ap_difference_high) == wanted


def test_one_seed_has_the_interval_of_its_images(made):
    made.way("none", 3, (0.7,))
    section = made.section()
    row = comparison(section).iloc[1]
    on_resamples = [
        pycocotools_ap(made.split, made.found[final_of(section.entries[1])], t) for t in drawn_times(12)[:200]
    ]
    assert row["against"] == ""  # nothing is there to hold it against
    inside = np.mean([row["ap_low"] <= ap <= row["ap_high"] for ap in on_resamples])
    assert 0.90 < inside < 0.99


def test_without_fine_tunings_the_sliced_are_what_others_are_held_against(made):
    made.way("none", 0, (0.7,))
    made.way("scratch", 0, (0.7,))
    table = comparison(made.section())
    assert list(table["against"]) == ["", "", "sliced", "sliced"]
    assert table["ap_difference"].iloc[2] == 0  # both unpruned detectors are the one that was trained once


def test_costs(four):
    rows = comparison(four.section()).set_index(["way", "configuration"])
    full, pruned = rows.loc[("sliced", "unpruned")], rows.loc[("sliced", "best @0.4")]
    assert (full["kept"], full["macs_share"], full["boxes"], full["seeds"]) == (30, 1, 8732, 2)
    layout = Layout.drop(four.head, DROPPED[0.4])
    macs = sum(level.macs_per_anchor * n for level, n in zip(four.head.levels, layout.anchors_per_level, strict=True))
    assert (pruned["kept"], pruned["macs"]) == (23, macs)
    assert pruned["macs_share"] == pytest.approx(macs / full["macs"])


def test_what_was_trained(made):
    """Budgets 0.4 and 0.35 are one layout: it is trained once, and the second takes over its files in no time."""
    for way in FORMS:
        for seed in (0, 1):
            made.way(way, seed, (0.7, 0.4, 0.35))
            taken_over = made.folder / f"d/ssd/a/seed-{seed}/best+{way}/0.35/{FORMS[way][1]}/benchmark.tsv"
            if taken_over.is_file():
                taken_over.write_text("s\tcpu_time\n0.1\t0.6\n")
    table = comparison(made.section())
    rows = table[table["configuration"] == "best @0.35"].set_index("way")
    names = ["epochs", "epochs_all", "cpu_minutes", "cpu_minutes_all", "cpu_minutes_shared", "cpu_minutes_each"]
    found = {way: rows.loc[WAYS[way], names].to_numpy(float) for way in FORMS}
    none = np.nan
    np.testing.assert_allclose(found["none"], [9, 9, 9, 9, none, none])
    np.testing.assert_allclose(found["once"], [12, 12, 15.5, 15.5, 6.5, none])
    np.testing.assert_allclose(found["finetune"], [12, 9 + 2 * 3, 11, 9 + 2 * 2, none, 2])
    np.testing.assert_allclose(found["scratch"], [12, 9 + 2 * 12, 8, 9 + 2 * 8, none, 8])
    assert list(rows["trained_all"]) == ["9 epochs", "12 epochs", "15 epochs", "33 epochs"]
    assert (table["trained_all"][table["configuration"] == "unpruned"] == "-").all()
    # 6.5 minutes once: more than three fine-tunings of 2, less than four; less than one training of 8
    (line,) = cheaper_from(table)
    assert "few, a anchors: `anchor dropout, then sliced` trains 6.5 CPU minutes once for any number of budgets" in line
    assert "than `fine-tuned for each budget` (2.0 a budget) from 4 on" in line
    assert "than `from scratch for each budget` (8.0 a budget) from 1 on" in line


def test_iterations_and_what_nobody_measured(made):
    short = [{"start": "scratch", "epochs": None, "iterations": 400}]
    path = made.detector("d/ssd/a/seed-0/train", short, 0.1)
    made.add("none", 0, reference=path)
    row = comparison(made.section()).iloc[0]
    assert (row["iterations"], row["trained"], np.isnan(row["cpu_minutes"])) == (400, "400 iterations", True)
    assert cheaper_from(comparison(made.section())) == []


def test_without_detections_there_are_no_intervals(four):
    for file in four.folder.rglob("detections.json"):
        file.unlink()
    table = comparison(four.section())
    assert table[["ap_low", "ap_difference_low"]].isna().all().all()
    assert (table["ap"] > 0).all()


def auto(made):
    """`auto` at two budgets: at one it stopped at the slice, at the other it went all the way, and kept `once`."""
    top = "d/ssd/a/seed-0"
    unpruned = made.detector(f"{top}/train", TRAIN, 0.1, 9)
    made.detector(f"{top}/retrain-once", [*TRAIN, SHORT], 0.08, 6.5)
    made.add("auto", 0, reference=unpruned)
    step = {"ap": 0.5, "ap_reference": 0.51, "ap_change": -0.002, "low": -0.004, "high": 0.001, "no_loss": 0.005}
    steps = [{"step": "slice", **step, "verdict": "no measurable loss"}]
    worse = [{"step": name, **step, "low": -0.03, "verdict": "loses"} for name in ("slice", "once")]
    worse.append({"step": "finetune", **step, "low": None, "verdict": "not measurably better than once"})
    for budget, finish, taken, trained in ((0.7, "none", steps, TRAIN), (0.4, "once", worse, [*TRAIN, SHORT])):
        folder = f"{top}/best/{budget}"
        sliced = made.detector(f"{folder}/slice", TRAIN, 0.12)
        final = made.detector(f"{folder}/retrain-auto", trained, 0.1)
        made.detector(f"{folder}/retrain-finetune", [*TRAIN, SHORT], 0.1, 2)
        decision = made.folder / folder / "retrain-auto/decision.json"
        decision.write_text(json.dumps({"version": 1, "ap": 0.5, "finish": finish, "steps": taken}))
        files = {"sliced": sliced, "metrics": final, "decision": str(decision), "reference": unpruned}
        made.add("auto", 0, budget, **files)


def test_decisions_and_their_evidence(made):
    auto(made)
    section = made.section()
    assert list(section.table["finish"]) == ["", "none", "once"]
    table = decisions(section)
    assert list(table["step"]) == ["slice", "slice", "once", "finetune"]
    assert list(table["configuration"]) == ["best @0.7", "best @0.4", "best @0.4", "best @0.4"]
    assert list(table["low"].fillna(1)) == [-0.004, -0.03, -0.03, 1]
    rows = comparison(section).set_index("configuration")
    # 0.7: nothing more. 0.4: 9 + 6.5, with the fine-tuning that was only looked at 2 more.
    assert list(rows["cpu_minutes"]) == [9, 9, 15.5]
    assert list(rows["cpu_minutes_all"].fillna(0)) == [0, 17.5, 17.5]
    assert list(rows["epochs_all"].fillna(0)) == [0, 15, 15]


def test_a_damaged_decision_is_named(made):
    auto(made)
    path = made.folder / "d/ssd/a/seed-0/best/0.4/retrain-auto/decision.json"
    path.write_text('{"finish": "once", "steps": [1]}')
    with pytest.raises(UserError, match=r"decision.json: not a decision"):
        made.section()


def test_the_figure_shows_the_table(four):
    table = comparison(four.section())
    above, below = OF_WAYS.draw(table).axes
    curves = {line.get_color(): line for container in above.containers for line in container.lines[:1]}
    assert len(curves) == 4
    assert len(below.containers) == 3  # a way is not held against itself
    for container in above.containers:
        heights = container.lines[0].get_ydata()
        way = next(w for w, rows in table.groupby("way") if set(rows["ap"]) == set(heights))
        rows = table[table["way"] == way].sort_values("macs")
        ends = np.array([segment[:, 1] for segment in container.lines[2][0].get_segments()])
        np.testing.assert_allclose(ends, rows[["ap_low", "ap_high"]].to_numpy(float))
        shifts = container.lines[0].get_xdata() - rows["macs"]
        assert shifts.abs().max() < 0.02 * table["macs"].max()
    assert below.get_ylabel() == "AP less that of\nfine-tuned for each budget"


@pytest.mark.long
@pytest.mark.slow
def test_all_of_it_is_written_and_shown(made, run_command, tmp_path):
    for way in ("once", "finetune"):
        made.way(way, 0, (0.7, 0.4))
    auto(made)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    done = run_command("report", made.manifest(), "--output", whole)
    assert done.status == 0, done.err
    assert names_in(whole) == sorted(report_files(made.entries))
    for name in ("few-once", "few-finetune", "few-auto"):
        assert run_command("report", made.manifest(), "--experiment", name, "--output", parts).status == 0
    done = run_command("report", made.manifest(), "--overall", "--output", parts)
    assert done.json["files"] == (shared := overall_files(made.entries))
    for name in names_in(whole):
        assert (parts / name).read_bytes() == (whole / name).read_bytes(), name
    read = json.loads((parts / "index.record.json").read_text())["inputs"]
    assert {Path(name).name for name in read} >= {"test.json", "detections.json", "benchmark.tsv"}
    assert {"ways.csv", "ways.md", "ways.tex", "compared-few_a.svg"} < set(shared)
    texts = check_figure(whole, "compared-few_a")
    assert {"anchor dropout, then sliced", "auto", "head MACs (G)"} <= set(texts)
    csv = pd.read_csv(whole / "ways.csv")
    assert len(csv) == 3 * 3
    assert {"compared", "finish"} < set(pd.read_csv(whole / "results.csv"))
    assert "| anchor dropout, then sliced " in (whole / "ways.md").read_text()
    assert "cheaper than `fine-tuned for each budget`" in (whole / "ways.md").read_text()
    assert "not measurably better than once" in (whole / "decisions-few-auto.md").read_text()
    page = Page((whole / "index.html").read_text())
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes} <= set(ids)
    alt = (
        "Ways of training: AP against head MACs, a anchors: plot for the ways of few; the table above has its figures."
    )
    assert alt in [attributes["alt"] for attributes in page.all("img")]
    for words in ("What was decided, step by step", "not measurably better than once", "CPU minutes for all budgets"):
        assert words in page.text
    assert "What was decided" in (whole / "experiment-few-auto.html").read_text()
    assert "What was decided" not in (whole / "experiment-few-once.html").read_text()
