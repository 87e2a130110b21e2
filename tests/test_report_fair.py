"""The report compares equals: the unpruned detector trained as long, with intervals, words and cautions."""

import json

import numpy as np
import pandas as pd
import pytest

from anchorprune.heads.layout import Layout
from anchorprune.report.contents import report_files
from anchorprune.report.data.manifest import read_manifest
from anchorprune.report.data.metrics import AP_FIGURES
from anchorprune.report.data.published import Published
from anchorprune.report.data.results import results_table
from anchorprune.report.data.section import Section
from anchorprune.report.figures import retraining, tradeoff
from anchorprune.report.figures.axes import LATENCY, MACS
from anchorprune.report.tables.paper_table import notes, paper_table, write_paper_table

DROPPED = [5, 7, 13, 16, 17, 19, 22, 25, 26, 27, 28]
TRAINED = [{"start": "scratch", "epochs": 9, "iterations": None}, {"start": "weights", "epochs": 3, "iterations": None}]


def change(ap, low, high, resampled=()):
    return {
        "ap_reference": 0.28,
        "figures": {"ap": {"change": ap, "low": low, "high": high}},
        "per_class": {},
        "resampled": list(resampled),
    }


@pytest.fixture
def project(ssd300, tmp_path):
    """Writes a manifest of an unpruned detector (AP 0.25 as trained, 0.28 trained as long) and pruned ones."""
    rng = np.random.default_rng(0)
    ssd300.save(tmp_path / "head.json")
    Layout.drop(ssd300, DROPPED).save(tmp_path / "layout.json")
    kept = [" ".join(map(str, Layout.drop(ssd300, drop).kept)) for drop in ([], DROPPED)]
    costs = {"macs": [4231319040, 3607764480], "boxes": [8732, 7814], "anchors": [30, 19], "latency": [2.5, 1.75]}
    table = pd.DataFrame({"kept": kept, "ap": [0.26, 0.275], **costs})
    table.to_parquet(tmp_path / "evaluated.parquet")
    sure = {"difference": 0.015, "low": 0.005, "high": 0.025, "ap_corrected": 0.262}
    table[1:].assign(**sure).to_csv(tmp_path / "front.csv", index=False)
    budget = {"ap_corrected": 0.262, "change": 0.002, "change_low": -0.01, "change_high": 0.014}
    selection = {"version": 1, "budgets": {"0.9": budget, "0.85": budget}, "warnings": ["the split has 40 images"]}
    (tmp_path / "selection.json").write_text(json.dumps(selection))
    test = {"image_count": 72, "boxes_of_class": {"cat": 100, "dog": 3}}
    splits = {"train": {"image_count": 205}, "prune": {"image_count": 40}, "test": test}
    (tmp_path / "dataset.json").write_text(json.dumps({"splits": splits}))

    def metrics(name, ap, trained, **more):
        value = {**dict.fromkeys(AP_FIGURES, ap), "per_class": {}, "trained": trained, **more}
        (tmp_path / name).write_text(json.dumps(value))
        return str(tmp_path / name)

    def make(seeds=(0,), budgets=(0.9,), **more):
        entries = []
        for seed in seeds:
            names = {"experiment": "x", "detector": "ssd", "dataset": "few", "anchor_set": "a", "seed": seed}
            full = {name: str(tmp_path / f"{name}.json") for name in ("head", "selection", "layout")}
            full |= {"evaluated": str(tmp_path / "evaluated.parquet"), "front": str(tmp_path / "front.csv")}
            base = {
                "head": full["head"],
                "evaluated": full["evaluated"],
                "data": str(tmp_path / "dataset.json"),
                "unpruned": metrics("unpruned.json", 0.25, TRAINED[:1]),
                "reference": metrics("reference.json", 0.28, TRAINED),
            }
            sliced = metrics("sliced.json", 0.24, TRAINED[:1], change=change(-0.01, -0.02, 0.0))
            drawn = rng.normal(0.002 + 0.01 * seed, 0.003, 200)
            found = change(0.002 + 0.01 * seed, -0.004, 0.008, drawn)
            final = metrics(f"final-{seed}.json", 0.282 + 0.01 * seed, TRAINED, change=found)
            entries.append({**names, **more, "method": "", "budget": 1, "files": base})
            for budget in budgets:
                files = {**base, **full, "sliced": sliced, "metrics": final}
                entries.append({**names, **more, "method": "best", "budget": budget, "files": files})
        (tmp_path / "manifest.json").write_text(json.dumps(entries))
        entries = read_manifest(tmp_path / "manifest.json")
        return Section(entries, results_table(entries), Published())

    return make


def test_changes_are_from_the_unpruned_detector_that_was_trained_as_long(project):
    full, pruned = (row for _, row in project().table.iterrows())
    assert (full["ap_sliced"], full["ap"], full["ap_reference"], full["ap_change"]) == (0.25, 0.28, 0.28, 0)
    assert (pruned["ap_sliced"], pruned["ap"], pruned["ap_reference"]) == (0.24, 0.282, 0.28)
    assert tuple(pruned[["ap_change", "ap_change_low", "ap_change_high"]]) == (0.002, -0.004, 0.008)
    assert (full["verdict"], pruned["verdict"]) == ("", "no measurable loss")
    assert (full["trained"], pruned["trained"]) == ("9 + 3 epochs", "9 + 3 epochs")
    assert list(pruned[["images_train", "images_prune", "images_test"]]) == [205, 40, 72]


def test_the_margin_is_the_experiments(project):
    assert project(no_loss=0.003).table["verdict"].iloc[1] == "too few images to tell"


def test_what_the_search_promised_beside_what_came_of_it(project):
    row = project().table.iloc[1]
    # it saw +0.015 [0.005, 0.025]; on the test split the sliced detector has -0.010 [-0.020, 0.000]
    half = np.hypot(0.01, 0.01)
    assert list(row[["optimism", "optimism_low", "optimism_high"]]) == pytest.approx(
        [0.025, 0.025 - half, 0.025 + half]
    )
    corrected = row[["ap_search_corrected", "search_change", "search_change_low", "search_change_high"]]
    assert list(corrected) == [0.262, 0.002, -0.01, 0.014]


def test_seeds_are_put_together_by_a_bootstrap_over_both(project, tmp_path):
    section = project(seeds=(0, 1, 2))
    row = paper_table(section).iloc[1]
    assert row["ap_change"] == pytest.approx(0.012)
    assert row["ap_change_std"] == pytest.approx(0.01)
    seeds, images = 0.01 * np.sqrt(2 / 3 / 3), 0.003 / np.sqrt(2)  # of three seeds' means; images alone are narrower
    half = (row["ap_change_high"] - row["ap_change_low"]) / 2
    assert 1.96 * seeds < half < 1.96 * np.hypot(seeds, 2 * images)
    write_paper_table(section, tmp_path, "table")
    text = (tmp_path / "table.md").read_text()
    assert "bootstrap over seeds and images" in text
    assert "9 + 3 epochs" in text
    assert "205, 40, 72" in text


def test_budgets_of_one_layout_and_small_splits_are_said(project):
    section = project(budgets=(0.9, 0.85))
    assert list(section.table["same_as"]) == ["", "", "0.9"]
    said = notes(paper_table(section), section)
    assert "Budgets that came to the same layout: a anchors, seed 0: best @0.85 is @0.9." in said
    assert "Careful: the split has 40 images." in said
    assert "Careful: the test split has 72 images, fewer than 100: intervals are rough." in said
    assert "Careful: 1 classes have fewer than 10 boxes in the test split: dog (3)." in said


def test_the_full_detector_stands_on_both_splits_and_changes_have_intervals(project):
    (ax,) = tradeoff.draw(project(), MACS).axes
    marks = {(x, y) for dots in ax.collections for x, y in np.asarray(dots.get_offsets()).tolist()}
    assert {
        (4231319040, 0.26),
        (4231319040, 0.28),
        (4231319040, 0.25),
    } <= marks  # searched, trained as long, as trained
    (bar,) = (c for container in ax.containers for c in container.lines[2])
    assert bar.get_segments()[0][:, 1].tolist() == pytest.approx([0.276, 0.288])  # 0.28 - 0.004, 0.28 + 0.008
    assert [list(line.get_ydata()) for line in ax.lines if line.get_linestyle() == "--"] == [[0.262]]  # corrected


def test_retraining_shows_the_unpruned_detector_too(project):
    (ax,) = retraining.draw(project()).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["unpruned", "best @0.9"]
    assert [list(line.get_xdata()) for line in ax.lines if line.get_linewidth() == 2] == [[0.25, 0.28], [0.24, 0.282]]


def test_a_search_after_milliseconds_has_a_figure_and_a_column_of_them(project, tmp_path):
    section = project(cost="latency")
    assert "latency-x.svg" in report_files(section.entries)
    assert "latency-x.svg" not in report_files(project().entries)
    assert list(section.table["latency"]) == [2.5, 1.75]
    (ax,) = tradeoff.draw(section, LATENCY).axes
    assert ax.get_xlabel() == "head, decoding and NMS (ms)"
    write_paper_table(section, tmp_path, "table")
    assert "| 1.75 " in (tmp_path / "table.md").read_text()


def test_beside_it_a_search_after_another_cost_has_no_milliseconds(project, tmp_path):
    pd.read_parquet(tmp_path / "evaluated.parquet").drop(columns="latency").to_parquet(tmp_path / "evaluated.parquet")
    section = project(cost="latency")
    assert section.table["latency"].isna().all()
    (ax,) = tradeoff.draw(section, LATENCY).axes
    assert ax.get_xlim()[0] == 0
