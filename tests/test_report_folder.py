"""Where a run's report goes: no selection of experiments writes over another's."""

import json

import pytest

from anchorprune.pipeline.report_folder import report_folder


@pytest.fixture
def made(tmp_path):
    """`made(run)`: where the report of a run goes, which is then there, as the pipeline leaves it."""

    def make(run, picked=None, **more):
        picked = picked or run.split(",")
        name = report_folder({"run": run, **more}, picked, tmp_path)
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "manifest.json").write_text(json.dumps([{"experiment": one} for one in picked]))
        return name

    return make


def test_a_first_report_and_one_that_has_grown(made):
    assert [made("demo"), made("demo"), made("demo,mine"), made("demo,mine")] == ["report"] * 4


def test_two_projects_one_after_the_other(made):
    assert [made("demo"), made("mine"), made("demo"), made("mine")] == ["report", "report-mine"] * 2


def test_a_smaller_selection_leaves_the_larger_one_whole(made):
    assert [made("a,b,c"), made("b"), made("a, c", ["a", "c"]), made("a,b,c")] == [
        "report", "report-b", "report-a+c", "report",
    ]  # fmt: skip


def test_a_group_gives_its_name_and_many_words_a_digest(made):
    made("demo")
    assert made("paper", ["x", "y"]) == "report-paper"
    names = [[f"e{i}" for i in range(count)] for count in (1000, 999)]
    folders = [made(run, run) for run in names]
    assert [folder.rpartition("-")[0] for folder in folders] == ["report-e0+999-more", "report-e0+998-more"]
    assert [made(run, run) for run in names] == folders


def test_once_apart_a_selection_stays_there(made, tmp_path):
    made("demo")
    assert made("mine") == "report-mine"
    (tmp_path / "report/manifest.json").unlink()
    assert made("mine") == "report-mine"


def test_the_key_has_its_way(made):
    made("demo")
    assert made("mine", report="report") == "report"
    assert made("mine", report="report-final") == "report-final"


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"no": 1}]', "3"])
def test_a_damaged_manifest_holds_no_folder(tmp_path, text):
    (tmp_path / "report").mkdir()
    (tmp_path / "report/manifest.json").write_text(text)
    assert report_folder({"run": ["mine"]}, ["mine"], tmp_path) == "report"
