"""The trade-off plot and the paragraph of methods: places, differences and words, against the files they come from."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from running.pruned_results import small_head, write_results

from anchorprune.report.data.anchor_labels import anchor_labels
from anchorprune.report.data.detector_facts import detector_facts, pair_changes
from anchorprune.report.data.manifest import read_manifest
from anchorprune.report.data.published import Published
from anchorprune.report.data.results import results_table
from anchorprune.report.data.section import Section
from anchorprune.report.page.methods import SOURCES, methods
from anchorprune.report.page.plot_points import Point, named
from anchorprune.report.page.tradeoff import tradeoff
from anchorprune.report.write import write_report

NAMES = {"experiment": "demo", "detector": "small", "dataset": "shapes"}
SETS = ("baseline", "more")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tradeoff")
    (folder / "manifest.json").write_text(json.dumps(write_results(folder / "results", NAMES, ("cat", "dog"), SETS)))
    return read_manifest(folder / "manifest.json")


@pytest.fixture(scope="module")
def section(manifest):
    return section_of(manifest)


@pytest.fixture(scope="module")
def shown(section):
    return tradeoff(section, "greedy @0.4")


def section_of(manifest):
    return Section(manifest, results_table(manifest), Published())


def metrics_of(entry):
    return json.loads(Path(entry["files"]["metrics" if entry["method"] else "reference"]).read_text())


def test_pairs_have_the_interval_of_their_resamples(manifest, section):
    found = pair_changes(detector_facts(section))
    assert set(found) == {(i, j) for first in (0, 4) for i in range(first, first + 4) for j in range(i + 1, first + 4)}
    for (i, j), change in found.items():
        other = np.array(metrics_of(manifest[j])["change"]["resampled"])
        one = np.array(metrics_of(manifest[i])["change"]["resampled"]) if manifest[i]["method"] else 0 * other
        low, high = np.percentile(other - one, (2.5, 97.5))
        assert (change.low, change.high) == pytest.approx((low, high), abs=1e-12)
        before = (
            metrics_of(manifest[i])["ap"]
            if manifest[i]["method"]
            else metrics_of(manifest[j])["change"]["ap_reference"]
        )
        assert change.ap == pytest.approx(metrics_of(manifest[j])["ap"] - before, abs=1e-12)


def test_no_interval_against_another_reference(manifest, tmp_path):
    """An evaluation whose change is against other weights is not paired with its neighbours'."""
    changed = metrics_of(manifest[2])
    changed["change"]["ap_reference"] += 0.01
    (tmp_path / "metrics.json").write_text(json.dumps(changed))
    entries = [dict(entry) for entry in manifest[:3]]
    entries[2]["files"] = {**entries[2]["files"], "metrics": str(tmp_path / "metrics.json")}
    assert set(pair_changes(detector_facts(section_of(entries)))) == {(0, 1)}


def test_an_anchor_has_its_index_and_shape():
    assert anchor_labels(small_head(1))[2:] == ["#2 16x32", "#3 64x64", "#4 128x64", "#5 64x128", "#6 90x90"]


def test_facts_are_those_of_the_files(manifest, shown):
    for entry, facts in zip(manifest, shown.facts["detectors"], strict=True):
        if not entry["method"]:
            assert facts["command"] == ""
            continue
        assert facts["ap"] == pytest.approx(metrics_of(entry)["ap"], abs=1e-6)
        assert facts["kept"] == json.loads(Path(entry["files"]["layout"]).read_text())["kept"]
        folder = Path(entry["files"]["head"]).parent
        assert facts["command"] == f"anchorprune slice {folder} {entry['files']['layout']} --output pruned"
        stated = metrics_of(entry)["change"]
        by_name = dict(zip(shown.facts["parts"], facts["changes"], strict=True))
        for name, value in {**stated["per_class"], "size: small": stated["figures"]["ap_small"]}.items():
            assert by_name[name] == pytest.approx([value["change"], value["low"], value["high"]], abs=1e-6)
        assert by_name["size: medium"] == []
    assert [facts["costs"]["parameters"] for facts in shown.facts["detectors"]] == [
        metrics_of(entry)["parameters"] for entry in manifest
    ]
    assert [plot.cost for plot in shown.plots] == ["macs", "boxes", "parameters"]
    assert not shown.plots[2].fronts  # no search counts parameters
    assert shown.facts["start"] == [0, 2]
    assert [facts["reference"] for facts in shown.facts["detectors"]] == [None, 0, 0, 0, None, 4, 4, 4]


def test_the_slider_stops_at_the_front_and_at_what_was_finished(manifest, shown):
    head = small_head()
    stops = shown.facts["strips"][0]
    kept = [tuple(i for i in range(head.num_anchors) if int(stop["kept"], 16) >> i & 1) for stop in stops]
    front = pd.read_csv(manifest[1]["files"]["front"], dtype={"kept": str})
    searched = {tuple(map(int, text.split())): ap for text, ap in zip(front["kept"], front["ap"], strict=True)}
    finished = {(0, 1, 2, 3, 4, 5): 0, (0, 1, 3, 4, 5): 1, (0, 3, 5): 2, (1, 3, 4): 3}
    assert sorted(kept) == sorted(searched.keys() | finished.keys())
    assert [stop["macs"] for stop in stops] == sorted(stop["macs"] for stop in stops)
    for layout, stop in zip(kept, stops, strict=True):
        assert stop["detector"] == finished.get(layout)
        assert stop["ap"] == (pytest.approx(searched[layout], abs=1e-4) if layout in searched else None)


def test_marks_lie_where_the_ticks_say(manifest, tmp_path):
    """Ticks as a reader reads them give the scale; each mark's place gives back its detector's cost and AP."""
    write_report(manifest, Published(), tmp_path, figures=False)
    page = (tmp_path / "index.html").read_text()
    table = results_table(manifest).assign(parameters=[metrics_of(entry)["parameters"] for entry in manifest])
    svgs = [ElementTree.fromstring(text) for text in re.findall(r"<svg viewBox=\"0 0 760.*?</svg>", page, re.DOTALL)]
    assert len(svgs) == 3
    for svg, (cost, unit) in zip(svgs, (("macs", 1e6), ("boxes", 1), ("parameters", 1e6)), strict=True):
        vertical, across = (group for group in svg.iter("g") if group.get("class") == "ticks")
        assert np.ptp(np.diff([float(t.text) for t in vertical])) < 1e-9  # no tick is rounded
        of_ap = np.polyfit([float(t.get("y")) - 4 for t in vertical], [float(t.text) for t in vertical], 1)
        ticks = [float(t.text.replace(",", "")) * unit for t in across]
        of_cost = np.polyfit([float(t.get("x")) for t in across], ticks, 1)
        marks = [group for group in svg.iter("g") if group.get("data-detector")]
        assert len(marks) == len(table)
        for mark in marks:
            x, y = map(float, re.findall(r"[\d.]+", mark.get("transform")))
            row = table.iloc[int(mark.get("data-detector"))]
            assert np.polyval(of_cost, x) == pytest.approx(row[cost], rel=2e-3)
            assert np.polyval(of_ap, y) == pytest.approx(row["ap"], abs=2e-4)
            assert f"AP {row['ap']:.3f}" in mark.find("title").text
    write_report(manifest, Published(), tmp_path / "again", figures=False)
    assert (tmp_path / "again/index.html").read_text() == page


def test_names_beside_points_cover_nothing():
    draw = np.random.default_rng(3)
    points = [Point(i, *draw.uniform(50, 250, 2).tolist(), None, None) for i in range(16)]
    placed = [point for point in named(points, ["@0.4"] * 16, (0, 0, 300, 300)) if point.label]
    assert len(placed) > 4
    boxes = []
    for point in placed:
        left = point.x + point.offset[0] - (28 if point.side == "end" else 0)
        boxes.append((left, point.y + point.offset[1] - 11, left + 28, point.y + point.offset[1]))
    for i, box in enumerate(boxes):
        others = boxes[:i] + [(p.x - 6, p.y - 6, p.x + 6, p.y + 6) for p in points if p is not placed[i]]
        assert not any(box[0] < o[2] and o[0] < box[2] and box[1] < o[3] and o[1] < box[3] for o in others)


def test_nothing_measured_has_no_plot(manifest):
    bare = [{**manifest[0], "files": {"head": manifest[0]["files"]["head"]}}]
    assert tradeoff(section_of(bare), "") is None
    assert methods(section_of(bare)).text.endswith("Nothing has been measured yet.")


def test_the_methods_say_what_was_run(manifest, section):
    found = methods(section)
    for words in (
        "The anchors of small (6 in the set baseline and 7 in the set more) were pruned [1], on shapes.",
        "The search greedy scored 32 to 64 subsets of the anchors",
        "(0.7 and 0.4 of the full head's cost), the subset of the highest AP within it was taken.",
        "Controls that keep as much: random anchors.",
        "the pruned detectors were fine-tuned, each by itself",
        "Trained for: 9 epochs (unpruned, as searched or cut); 9 epochs (pruned).",
        "COCO's, over IoU 0.50 to 0.95 [2] (pycocotools 2.0.11)",
        "paired bootstrap over the test images (200 resamples) [3].",
        "Software: anchorprune 0.0.9 (commit c0ffee).",
    ):
        assert words in found.text
    assert found.sources == [SOURCES[name] for name in ("pruning", "coco", "bootstrap")]
    assert "seeds" not in found.text


def test_the_methods_of_seeds_and_other_ways(manifest):
    entries = [{**entry, "seed": seed, "retrain": "none"} for seed in (0, 1) for entry in manifest[:3]]
    found = methods(section_of(entries))
    assert "for 2 trainings with different seeds" in found.text
    assert "were not trained again" in found.text
    assert "over the seeds [4]" in found.text
    assert SOURCES["seeds"] in found.sources
