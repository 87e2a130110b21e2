"""The report: exact columns, the same bytes each time, and one line for what is missing."""

import json

import pandas as pd
import pytest

from anchorprune.errors import UserError
from anchorprune.layout import Layout
from anchorprune.report.results import COLUMNS, read_manifest, results_table
from anchorprune.report.tables import format_macs

FIGURES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")


@pytest.fixture
def manifest(ssd300, tmp_path):
    """A manifest of an unpruned SSD300 and one pruned to configuration A, with invented figures."""

    def metrics(name, ap):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({**dict.fromkeys(FIGURES, ap), "ap_large": -1, "provenance": {"commit": "c0ffee"}}))
        return str(path)

    full = Layout.full(ssd300)
    pruned = Layout.drop(ssd300, [5, 7, 13, 16, 17, 19, 22, 25, 26, 27, 28])
    ssd300.save(tmp_path / "head.json")
    pruned.save(tmp_path / "layout.json")
    kept = [" ".join(map(str, layout.kept)) for layout in (full, pruned)]
    evaluated = pd.DataFrame(
        {
            "kept": kept,
            "ap": [0.26, 0.255],
            "macs": [4231319040, 3607764480],
            "boxes": [8732, 7814],
            "anchors": [30, 19],
        }
    )
    evaluated.to_parquet(tmp_path / "evaluated.parquet")
    evaluated[1:].to_csv(tmp_path / "front.csv", index=False)
    names = {"experiment": "x_1", "detector": "ssd300", "dataset": "coco", "anchor_set": "baseline", "seed": 0}
    base = {
        "unpruned": metrics("unpruned", 0.25),
        "head": str(tmp_path / "head.json"),
        "evaluated": str(tmp_path / "evaluated.parquet"),
    }
    more = {
        "sliced": metrics("sliced", 0.24),
        "metrics": metrics("final", 0.251),
        "layout": str(tmp_path / "layout.json"),
        "front": str(tmp_path / "front.csv"),
    }
    rows = [
        {**names, "method": "", "budget": 1, "files": base},
        {**names, "method": "pareto", "budget": 0.9, "files": {**base, **more}},
    ]
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(rows))
    return path


def test_the_table(manifest):
    table = results_table(read_manifest(manifest))
    assert list(table.columns[: len(COLUMNS)]) == COLUMNS
    full, pruned = table.iloc[0], table.iloc[1]
    assert (full["macs"], pruned["macs"], full["boxes"], pruned["boxes"]) == (4231319040, 3607764480, 8732, 7814)
    assert (full["ap_search"], full["ap_sliced"], full["ap"]) == (0.26, 0.25, 0.25)
    assert (pruned["ap_search"], pruned["ap_sliced"], pruned["ap"]) == (0.255, 0.24, 0.251)
    assert pruned["ap_change"] == pytest.approx(0.001)
    assert pruned["gap"] == pytest.approx(0.015)
    assert pruned["saved_macs"] == pytest.approx(1 - 3607764480 / 4231319040)
    assert list(table["budget"]) == [1, 0.9]


def test_the_same_bytes_each_time(manifest, run_command, tmp_path):
    for name in ("first", "second"):
        done = run_command("report", manifest, "--output", tmp_path / name)
        assert done.status == 0, done.err
        assert done.json["experiments"] == ["x_1"]
    files = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert files == sorted(
        [f"{plot}-x_1.{kind}" for plot in ("pareto", "layouts") for kind in ("pdf", "svg", "png")]
        + ["results.csv", "results.md", "results.tex"]
    )
    for name in files:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name
    assert "demo,1," not in (tmp_path / "first/results.csv").read_text()
    assert (
        (tmp_path / "first/results.csv").read_text().splitlines()[1].startswith("x_1,ssd300,coco,baseline,0,,1,0 1 2 ")
    )
    assert r"x\_1" in (tmp_path / "first/results.tex").read_text()


def test_a_layout_that_was_never_scored(manifest, tmp_path):
    evaluated = pd.read_parquet(tmp_path / "evaluated.parquet")
    evaluated[:1].to_parquet(tmp_path / "evaluated.parquet")
    with pytest.raises(UserError, match=r"evaluated.parquet: the search did not score the layout 0 1 2 3 4 6"):
        results_table(read_manifest(manifest))


def test_a_missing_file_is_named(manifest, run_command, tmp_path):
    (tmp_path / "sliced.json").unlink()
    done = run_command("report", manifest, "--output", tmp_path / "out")
    assert done.status == 2
    assert f"{tmp_path / 'sliced.json'}: no such metrics file" in done.error_line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("macs", "text"), [(4231319040, "4.231 G"), (774938880, "774.9 M"), (1500, "1.5 k"), (12, "12")]
)
def test_macs_have_units(macs, text):
    assert format_macs(macs) == text
