"""The page: whole by itself, true to the tables, safe with any name. What a browser makes of it: tests/browser."""

import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from oracles.html_page import Page
from running.results import names_in

from anchorprune import __version__
from anchorprune.heads.layout import Layout
from anchorprune.report.contents import parts, report_files
from anchorprune.report.data.manifest import completed, read_manifest
from anchorprune.report.data.published import Published
from anchorprune.report.data.results import results_table
from anchorprune.report.data.section import Section
from anchorprune.report.figures import FIGURES
from anchorprune.report.page.chapters import PLOTTED
from anchorprune.report.page.lean_image import LARGEST_SVG, lean_svg
from anchorprune.report.page.page_table import Column, page_table
from anchorprune.report.page.summary import findings, outcome
from anchorprune.report.tables.paper_table import paper_table
from anchorprune.report.write import write_overall, write_report

PUBLISHED = Path(__file__).parents[1] / "config/published"
ATTACK = "</p><script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
NAMES = {"detector": "ssd300", "dataset": "coco", "seed": 0, "retrain": "scratch"}


def metrics(folder, name, ap, commit="c0ffee"):
    figures = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
    value = {
        **dict.fromkeys(figures, ap),
        "per_class": {"cat": ap, f"--> {ATTACK}": 0.2},
        "provenance": {"commit": commit, "anchorprune": "0.0.9"},
    }
    (folder / name).write_text(json.dumps(value))
    return str(folder / name)


def entries(folder, head):
    """An experiment with two fixed layouts and published figures, and one whose names are attacks."""
    head.save(folder / "head.json")
    Layout.drop(head, [5, 7]).save(folder / "layout.json")
    (folder / "score.json").write_text('{"ap": 0.256}')
    full = {"head": str(folder / "head.json"), "unpruned": metrics(folder, "full.json", 0.25)}
    more = {name: str(folder / f"{name}.json") for name in ("layout", "score")}
    plain = {**NAMES, "experiment": "plain", "anchor_set": "baseline", "description": "Plain & simple."}
    row = {"detector": "ssd300_vgg16", "configuration": "baseline"}
    rows = [{**plain, "method": "", "budget": 1, "files": full, "published": row}]
    rows[0]["expected"] = {"ap": 0.255, "tolerance": 0.002, "source": "the zoo"}
    for label, before, after in (("A", 0.24, 0.251), ("B", 0.23, 0.249)):
        files = {"sliced": metrics(folder, f"{label}-sliced.json", before), **full, **more}
        files["metrics"] = metrics(folder, f"{label}.json", after, "f00d-dirty")
        row = {"detector": "ssd300_vgg16", "configuration": label, "variant": "front" if label == "B" else ""}
        rows.append({**plain, "method": "fixed", "label": label, "budget": None, "files": files, "published": row})
    attack = {"experiment": '"><script>#? %3C', "anchor_set": "<b onclick=x>", "description": ATTACK}
    attack |= {"detector": ATTACK, "dataset": "'\"<svg onload=x>"}
    return [*rows, {**NAMES, **attack, "method": "", "budget": 1, "files": full}]


@pytest.fixture(scope="module")
def report(ssd300, tmp_path_factory):
    """A folder with a report, and the manifest it is of."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "manifest.json").write_text(json.dumps(entries(folder, ssd300)))
    manifest = read_manifest(folder / "manifest.json")
    write_report(manifest, Published.read(PUBLISHED), folder / "report")
    return folder / "report", manifest


@pytest.fixture(scope="module")
def page(report):
    return Page((report[0] / "index.html").read_text(encoding="utf-8"))


def test_the_page_is_among_the_foretold_files(report):
    folder, manifest = report
    assert names_in(folder) == sorted(report_files(manifest))
    assert "index.html" in report_files(manifest)


def test_nothing_comes_from_elsewhere(report, page):
    """Images are inside; links lead to places on the page, or to files of the report beside it."""
    folder, _ = report
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for attributes in page.all("a"):
        place, name = attributes["href"][:1], attributes["href"]
        assert name[1:] in ids if place == "#" else (folder / unquote(name.removeprefix("./"))).is_file(), name
    assert [attributes["href"] for attributes in page.all("link")] == ["data:,"]
    assert all(attributes["src"].startswith("data:image/svg+xml,") for attributes in page.all("img"))
    assert {name for _, attributes in page.tags for name in attributes if name.startswith("on")} == set()
    assert not {"iframe", "object", "embed", "form", "base"} & {tag for tag, _ in page.tags}
    assert page.open == []


def test_every_figure_is_shown_as_its_file_has_it(report, page):
    """The same elements with the same attributes, but for what no one sees: comments, and digits of long numbers."""
    folder, manifest = report
    shown = [unquote(attributes["src"].partition(",")[2]) for attributes in page.all("img")]
    figures = [part for part in parts(manifest) if part.kind in FIGURES and part.kind not in PLOTTED]
    assert {"retraining", "classes", "layouts"} <= {part.kind for part in figures}
    assert len(shown) == len(figures)
    for text, part in zip(shown, figures, strict=True):
        written = ElementTree.parse(folder / f"{part.name}.svg").getroot()
        written.remove(written.find("{http://www.w3.org/2000/svg}metadata"))
        ours, theirs = ([*root.iter()] for root in (ElementTree.fromstring(text), written))
        assert [node.tag for node in ours] == [node.tag for node in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert one.attrib.keys() == other.attrib.keys()
            for name, value in other.attrib.items():
                same_but_digits(one.attrib[name], value)
    titles = [
        FIGURES[part.kind].title + (f", {part.anchor_set} anchors" if part.anchor_set else "") for part in figures
    ]
    assert [attributes["alt"].partition(":")[0] for attributes in page.all("img")] == titles


def same_but_digits(one, other):
    """Texts with the same words, and numbers within half a hundredth; small ones may be factors, and keep more."""
    assert "".join(NUMBER.sub("n", one).split()) == "".join(NUMBER.sub("n", other).split())
    for found, value in zip(NUMBER.findall(one), map(float, NUMBER.findall(other)), strict=True):
        assert float(found) == pytest.approx(value, abs=0.006 if abs(value) >= 1 else 1e-4 * abs(value))


def test_a_lean_figure_keeps_factors():
    path = '<path transform="scale(0.015625)" d="M {} {}"/>'
    svg = f'<?xml version="1.0"?>\n<svg> <metadata>x</metadata>\n{path.format(1.2345, -3.001)}</svg>'
    assert lean_svg(svg) == f"<svg>{path.format(1.23, -3)}</svg>"


def test_names_are_text(page):
    """Those of the attack are read as they were written, and open no element."""
    text = "".join(page.text)
    assert text.count(ATTACK) > 2
    assert "<b onclick=x> anchors" in text
    kinds = [attributes.get("type") for attributes in page.all("script")]
    assert kinds.count(None) == 1
    assert set(kinds) == {None, "application/json"}  # facts, which nothing runs
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert "taken" not in (value or "") or (tag, name) in {
                ("img", "alt"),
                ("svg", "aria-label"),
                ("div", "aria-label"),
            }


def test_names_in_a_figure_are_text(report):
    root = ElementTree.parse(report[0] / "classes-plain_baseline.svg").getroot()
    assert {node.tag.partition("}")[2] for node in root.iter()} & {"script", "image", "foreignObject"} == set()


def test_the_page_is_open_to_all(page):
    """Alternative texts, headings without gaps, named tables and scroll boxes."""
    assert all(attributes["alt"] for attributes in page.all("img"))
    levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert max(np.diff(levels)) == 1
    assert all("scope" in attributes for attributes in page.all("th"))
    boxes = [attributes for attributes in page.all("div") if attributes.get("class") == "scroll"]
    assert len(boxes) == len(page.all("table")) == 4
    assert all(attributes["aria-label"] for attributes in page.all("svg") if attributes.get("role") == "img")
    assert all(box["tabindex"] == "0" and box["role"] == "group" and box["aria-labelledby"] for box in boxes)
    assert page.tags[0] == ("html", {"lang": "en"})


def test_what_it_says(page):
    text = " ".join(" ".join(page.text).split())
    assert "Plain & simple." in text
    assert "outside expectation AP 0.250 found, 0.255 ± 0.002 expected (the zoo). unpruned, baseline anchors" in text
    assert "0 of 1" in text
    assert "CVIU 221 (2022) 103445" in text
    assert "f00d-dirty with uncommitted changes 0.0.9 2" in text
    assert "c0ffee 0.0.9 2" in text
    assert f"written by anchorprune {__version__}" in text
    assert "† plain, unpruned, baseline anchors, seed 0: AP 0.250 is outside expected 0.255 ± 0.002." in text


def test_a_large_figure_is_shown_as_png(report, tmp_path):
    folder, manifest = report
    copy = shutil.copytree(folder, tmp_path / "copy")
    large = copy / "retraining-plain.svg"
    large.write_text(large.read_text() + f"<!-- {'.' * LARGEST_SVG} -->")
    write_overall(manifest, Published(), copy)
    kinds = [attributes["src"][:14] for attributes in Page((copy / "index.html").read_text()).all("img")]
    assert kinds == ["data:image/png"] + (len(kinds) - 1) * ["data:image/svg"]


def test_of_many_figures_each_is_as_small_as_can_be(report, tmp_path, monkeypatch):
    folder, manifest = report
    monkeypatch.setattr("anchorprune.report.page.chapters.MOST_SVG", 10_000)
    copy = shutil.copytree(folder, tmp_path / "copy")
    write_overall(manifest, Published(), copy)
    found = [attributes["src"] for attributes in Page((copy / "index.html").read_text()).all("img")]
    before = [attributes["src"] for attributes in Page((folder / "index.html").read_text()).all("img")]
    assert len(found) == len(before)
    assert all(len(one) <= len(other) for one, other in zip(found, before, strict=True))
    assert "data:image/webp" in {uri[:15] for uri in found}


def test_published_figures_stand_beside_ours(report):
    manifest = [entry for entry in report[1] if entry["experiment"] == "plain"]
    section = Section(manifest, results_table(manifest), Published.read(PUBLISHED))
    table = page_table(paper_table(section), section)
    assert table.columns[:5] == [
        Column("AP (search)", "prune split"),
        Column("AP (search)", "published"),
        Column("AP (before retraining)", "test split"),
        Column("AP (retrained)", "test split"),
        Column("AP (retrained)", "published"),
    ]
    first = [column.heading for column in table.columns].index("head MACs")
    assert table.columns[first : first + 4] == [
        Column("head MACs", ""), Column("head MACs", "published"), Column("boxes", ""), Column("boxes", "published"),
    ]  # fmt: skip
    rows = dict(table.groups["baseline"])
    assert [cell.text for cell in rows["A"][2:5]] == ["0.240", "0.251", "0.254"]
    assert [[cell.best for cell in rows[name][:5]] for name in ("unpruned", "A", "B")] == [
        [False, False, False, False, False],  # the search's APs tie, all of them: no best
        [False, False, True, True, False],
        [False, False, False, False, False],
    ]
    assert [(cell.text, cell.value, cell.outside) for cell in rows["unpruned"][2:4]] == [
        ("-", "", False),
        ("0.250†", "0.25", True),
    ]
    assert [cell.text for cell in rows["unpruned"][first : first + 4]] == ["4.231 G", "4.231 G", "8,732", "8,732"]


def test_rows_of_fewer_seeds_say_so(report):
    manifest = [entry for entry in report[1] if entry["experiment"] == "plain"]
    manifest.append({**manifest[0], "seed": 1})
    section = Section(manifest, results_table(manifest), Published())
    table = page_table(paper_table(section), section)
    assert list(dict(table.groups["baseline"])) == ["unpruned (seeds: 2)", "A (seeds: 1)", "B (seeds: 1)"]


def runs(*rows):
    """A section of (budget, control, seed, AP, (change of AP, low, high), MACs saved); budget 1 is unpruned."""
    listed, table = [], []
    for budget, control, seed, ap, change, saved in rows:
        method = "" if budget == 1 else "greedy"
        names = {"anchor_set": "a", "seed": seed, "method": method, "budget": budget, "control": control}
        listed.append(completed({**names, "files": {}}))
        changes = dict(zip(("ap_change", "ap_change_low", "ap_change_high"), change, strict=True))
        table.append({**names, "ap": ap, **changes, "saved_macs": saved, "saved_boxes": saved, "expected_found": ap})
    return Section(listed, pd.DataFrame(table), Published())


ZERO = (0.0, 0.0, 0.0)
FULL = (1, "", 0, 0.3, ZERO, 0.0)


def test_the_saving_is_the_largest_whose_interval_lies_above_the_margin():
    less = (0.8, "", 0, 0.32, (0.02, 0.01, 0.03), 0.2)
    half = (0.5, "", 0, 0.30, (0.0, -0.004, 0.004), 0.5)
    unsure = (0.2, "", 0, 0.31, (0.01, -0.02, 0.04), 0.8)  # more AP, but too few images to tell
    tenth = (0.1, "", 0, 0.28, (-0.02, -0.03, -0.01), 0.9)
    found = outcome(runs(FULL, less, half, unsure, tenth))
    assert (found.configuration, found.lossless, found.saved_macs, found.seeds) == ("greedy @0.5", True, 0.5, 1)
    assert (found.unpruned, found.ap, found.verdict) == (0.3, 0.30, "no measurable loss")


def test_a_detector_that_hardly_learnt_is_not_praised():
    full = (1, "", 0, 0.003, ZERO, 0.0)
    found = outcome(runs(full, (0.1, "", 0, 0.003, (0.0, -0.001, 0.001), 0.9)))
    assert (found.lossless, found.verdict) == (False, "the unpruned detector has hardly learnt")


def test_controls_and_unmeasured_seeds_save_nothing():
    control = [(0.2, "random", seed, 0.4, (0.1, 0.05, 0.15), 0.8) for seed in (0, 1)]
    unmeasured = [(0.3, "", 0, 0.4, (0.1, 0.05, 0.15), 0.7), (0.3, "", 1, np.nan, (np.nan,) * 3, 0.7)]
    assert outcome(runs(FULL, (*FULL[:2], 1, *FULL[3:]), *control, *unmeasured)).configuration == ""


def test_where_everything_loses_the_least_loss_is_named():
    lossy = [(0.5, "", 0, 0.28, (-0.02, -0.03, -0.01), 0.5), (0.7, "", 0, 0.299, (-0.001, -0.011, 0.009), 0.3)]
    found = outcome(runs(FULL, *lossy))
    assert (found.configuration, found.lossless, found.ap_change.ap) == ("greedy @0.7", False, -0.001)
    assert np.isnan(outcome(runs((1, "", 0, -1.0, (np.nan,) * 3, 0.0))).unpruned)  # COCO's -1: nothing to measure


def test_expectations_are_judged():
    section = runs(*((1, "", seed, ap, ZERO, 0.0) for seed, ap in enumerate((0.3, 0.3, np.nan, 0.5))))
    voc = {"ap": 0.7, "tolerance": 0.1, "figure": "voc_map", "source": "the zoo"}
    wanted = ({"ap": 0.31, "tolerance": 0.02}, {"ap": 0.2}, {"ap": 0.2}, voc)
    for entry, expected in zip(section.entries, wanted, strict=True):
        entry["expected"] = expected
    section.table["within_expected"] = ["true", "", "", "false"]
    assert [(finding.state, finding.text) for finding in findings(section)] == [
        ("inside", "AP 0.300 found, 0.310 ± 0.020 expected"),
        ("open", "AP 0.300 found, 0.200 expected"),
        ("open", "no AP found, 0.200 expected"),
        ("outside", "VOC mAP 0.500 found, 0.700 ± 0.100 expected (the zoo)"),
    ]
