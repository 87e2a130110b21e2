"""The report in parts, as the pipeline asks for it, and of more experiments than one page shows."""

import json
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from running.results import names_in

from anchorprune.heads.layout import Layout
from anchorprune.report.contents import MOST_ON_A_PAGE, experiment_files, overall_files, report_files

MANY = MOST_ON_A_PAGE + 1
NAMES = {"detector": "ssd300", "dataset": "coco", "anchor_set": "baseline", "retrain": "scratch"}


class Links(HTMLParser):
    """Where a page's links lead, its ids and its text."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids, self.text, self.images = [], set(), "", 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids.add(found.get("id"))
        self.images += tag == "img"
        if tag == "a":
            self.links.append(found["href"])

    def handle_data(self, data):
        self.text += data


def check_links(folder):
    """Every link of every page leads to a place on it or to a file beside it, and every page is led to."""
    led_to = {"index.html"}
    for path in folder.glob("*.html"):
        page = Links(path.read_text(encoding="utf-8"))
        for link in page.links:
            kind, name = link[:1], unquote(link)
            assert name[1:] in page.ids if kind == "#" else (folder / name.removeprefix("./")).is_file(), (path, link)
            led_to.add(name.removeprefix("./"))
    assert {path.name for path in folder.glob("*.html")} <= led_to


def write_manifest(folder, head, experiments):
    """A manifest of experiments with two detectors each, whose APs differ."""
    head.save(folder / "head.json")
    Layout.drop(head, [5, 7]).save(folder / "layout.json")
    rows = []
    for i in range(experiments):
        base = {**NAMES, "experiment": f"e{i}", "seed": i}
        files = {"head": str(folder / "head.json"), "unpruned": metrics(folder / f"full-{i}.json", 0.2 + 0.001 * i)}
        rows.append({**base, "method": "", "budget": 1, "files": files})
        sliced, layout = metrics(folder / f"sliced-{i}.json", 0.1 + 0.001 * i), str(folder / "layout.json")
        files = {**files, "sliced": sliced, "metrics": sliced, "layout": layout}
        rows.append({**base, "method": "fixed", "label": "A", "budget": None, "files": files})
    path = folder / "manifest.json"
    path.write_text(json.dumps(rows))
    return path, rows


def metrics(path, ap):
    figures = dict.fromkeys(("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"), ap)
    path.write_text(json.dumps({**figures, "per_class": {"cat": ap}, "provenance": {"commit": "c0ffee"}}))
    return str(path)


@pytest.mark.long
def test_the_parts_are_the_whole(ssd300, run_command, tmp_path):
    """What the pipeline's jobs write one by one is byte for byte what one call writes, and what the names foretell."""
    manifest, rows = write_manifest(tmp_path, ssd300, 2)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    done = run_command("report", manifest, "--output", whole)
    assert done.status == 0, done.err
    assert sorted(done.json["files"]) == names_in(whole) == sorted(report_files(rows))
    mine = [row for row in rows if row["experiment"] == "e1"]
    only = run_command("report", manifest, "--experiment", "e1", "--output", parts).json
    assert sorted(only["files"]) == names_in(parts) == sorted(experiment_files(mine))
    assert (only["detectors"], only["experiments"]) == (2, ["e1"])
    run_command("report", manifest, "--experiment", "e0", "--output", parts)
    assert run_command("report", manifest, "--overall", "--output", parts).json["files"] == overall_files(rows)
    for name in names_in(whole):
        assert (parts / name).read_bytes() == (whole / name).read_bytes(), name
    assert names_in(parts) == names_in(whole)
    check_links(whole)


def test_an_experiment_needs_no_other_ones_files(ssd300, run_command, tmp_path):
    manifest, _ = write_manifest(tmp_path, ssd300, 2)
    (tmp_path / "full-0.json").unlink()
    assert run_command("report", manifest, "--experiment", "e1", "--output", tmp_path / "out").status == 0
    done = run_command("report", manifest, "--overall", "--output", tmp_path / "out")
    assert f"{tmp_path / 'full-0.json'}: no such file" in done.error_line


def test_many_experiments_have_a_page_each(ssd300, run_command, tmp_path):
    """The first page has the summary and every result; figures are drawn if asked for."""
    manifest, rows = write_manifest(tmp_path, ssd300, MANY)
    out = tmp_path / "out"
    done = run_command("report", manifest, "--output", out)
    assert done.status == 0, done.err
    assert sorted(done.json["files"]) == names_in(out) == sorted(report_files(rows, figures=False))
    assert not list(out.glob("*.svg"))
    check_links(out)
    index = Links((out / "index.html").read_text(encoding="utf-8"))
    assert index.links.count("./experiment-e7.html") == 1 + 2  # in the summary, and beside both of its results
    assert "results" in index.ids
    for i in range(MANY):
        assert f"{0.2 + 0.001 * i:.3f}" in index.text
        assert f"{0.1 + 0.001 * i:.3f}" in index.text
    page = Links((out / "experiment-e7.html").read_text(encoding="utf-8"))
    assert "0.207" in page.text
    assert "0.208" not in page.text
    assert "No other figures were drawn" in page.text


@pytest.mark.slow
def test_figures_of_one_of_many(ssd300, run_command, tmp_path):
    manifest, _ = write_manifest(tmp_path, ssd300, MANY)
    out = tmp_path / "out"
    run_command("report", manifest, "--output", out)
    index = (out / "index.html").read_bytes()
    run_command("report", manifest, "--experiment", "e7", "--output", out)
    run_command("report", manifest, "--overall", "--output", out)
    assert (out / "index.html").read_bytes() == index
    page = Links((out / "experiment-e7.html").read_text(encoding="utf-8"))
    drawn_by_the_page = {"pareto-e7.svg", "boxes-e7.svg"}
    assert page.images == len({path.name for path in out.glob("*-e7*.svg")} - drawn_by_the_page) > 1
    assert all(f"./{name}" in page.links for name in drawn_by_the_page)
    check_links(out)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--experiment", "e9"), "--experiment 'e9': the manifest has none of this name; it has e0, e1"),
        (("--experiment", "e1", "--overall"), "--experiment, --overall and --figures exclude each other"),
        (("--overall", "--no-figures"), "--experiment, --overall and --figures exclude each other"),
    ],
)
def test_a_mistake_is_one_line(ssd300, run_command, tmp_path, words, line):
    manifest, _ = write_manifest(tmp_path, ssd300, 2)
    done = run_command("report", manifest, *words, "--output", tmp_path / "out")
    assert done.status == 2
    assert line in done.error_line
    assert not (tmp_path / "out").exists()
