"""Sweeps: how many jobs they are, reports that do not get in each other's way, what an edit runs again."""

import json
import os
import re
import resource
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
import yaml
from running.command import ROOT
from running.pipeline import SCHEMA, jobs_run, link_project, shipped_config, snakemake
from running.sweep import sweep
from snakemake.utils import update_config

from anchorprune.pipeline.experiments import plan
from anchorprune.pipeline.work_items import TRAININGS, work_items


def jobs(planned):
    """Rule -> jobs, of a dry run's table; nothing where nothing is to be done."""
    table = planned.rpartition("Job stats:")[2] if "Job stats:" in planned else ""
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE) if name != "total"}


def dry_run(project, settings, *arguments):
    (project / "sweep.yaml").write_text(yaml.safe_dump(settings))
    return snakemake(project, "--dry-run", "--configfile", "sweep.yaml", *arguments).stdout


def with_settings(settings):
    """The plan of the shipped configuration with `settings` laid over it."""
    config = shipped_config()
    update_config(config, settings)
    return plan(config, SCHEMA)


def test_a_sweep_of_fifty(project):
    """Pairs share a training and three budgets; each experiment has a report job of its own."""
    found = jobs(dry_run(project, sweep(50)))
    assert (found["train"], found["retrain_unpruned"], found["retrain"], found["slice"]) == (25, 25, 75, 75)
    assert (found["report_experiment"], found["experiment_manifest"]) == (50, 50)
    assert found["manifest"] == found["report"] == 1


def test_the_forecast_counts_what_snakemake_runs(project):
    """Folder by folder: every training of a dry run, with controls, several seeds and a detector that is given."""
    settings = sweep(3)
    settings["detectors"]["given"] = {**settings["detectors"]["linear"], "weights": "sweep.yaml"}
    first = settings["experiments"]["e0000"]
    first |= {"controls": ["kmeans", "random"], "seeds": [0, 5]}
    settings["experiments"]["e0001"] |= {"retrain": "scratch"}
    settings["experiments"]["e0002"] |= {"detector": "given", "controls": ["kmeans"], "seeds": [1]}
    (project / "sweep.yaml").touch()
    planned = dry_run(project, settings)
    rules = r"^rule (?:train|retrain|retrain_unpruned|train_control):\n.*\n    output: (\S+)/detector\.json"
    theirs = re.findall(rules, planned, re.MULTILINE)
    ours = [f"results/{i.folder}" for i in work_items(with_settings(settings)) if i.kind in TRAININGS]
    assert sorted(ours) == sorted(theirs)
    assert len(ours) > 20


class Links(HTMLParser):
    """Where a page's links to files lead."""

    def __init__(self, text):
        super().__init__()
        self.files = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        link = dict(attributes).get("href", "")
        if tag == "a" and link.startswith("./"):
            self.files.append(unquote(link[2:]))


def whole(report):
    """Every file of a report, with its bytes; each link of each of its pages leads to one of them."""
    for path in report.glob("*.html"):
        files = Links(path.read_text()).files
        assert files
        assert [name for name in files if not (report / name).is_file()] == []
    return {path.name: path.read_bytes() for path in report.iterdir() if path.suffix != ".tsv"}


EXPERIMENT = {**sweep(1)["experiments"]["e0000"], "budgets": [0.7], "retrain": "none"}


def project_of(*names, **more):
    """A configuration of experiments that are one and the same but for their names."""
    experiments = {name: {**EXPERIMENT, **more} for name in names}
    return {**sweep(1), "run": list(names), "experiments": experiments}


@pytest.fixture(scope="module")
def finished(made_once):
    """A folder in which two projects ran, one after the other, and what was there after each."""

    def make(folder):
        link_project(folder)
        for name in ("first", "second"):
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(project_of(name)))
            done = snakemake(folder, "--configfile", f"{name}.yaml")
            (folder / f"{name}.log").write_text(done.stderr)
            (folder / f"{name}-jobs.json").write_text(json.dumps(jobs_run(folder)))

    return made_once("two-projects", make)


@pytest.mark.pipeline
@pytest.mark.long
def test_two_projects_one_after_the_other(finished):
    """Both reports are whole, the run says where the second lies, and neither runs again."""
    assert (
        "the report goes to results/report-second (results/report shows first)" in (finished / "second.log").read_text()
    )
    assert "the report goes to" not in (finished / "first.log").read_text()
    assert json.loads((finished / "second-jobs.json").read_text()) == {
        "all": 1, "experiment_manifest": 1, "manifest": 1, "report": 1, "report_experiment": 1,
    }  # fmt: skip
    first, second = (whole(finished / f"results/{name}") for name in ("report", "report-second"))
    assert "experiment-first.html" in first
    assert "pareto-second.svg" in second
    assert not [name for name in first if "second" in name]
    assert first.keys() == {name.replace("second", "first") for name in second}
    for name in ("first", "second"):
        again = snakemake(finished, "--dry-run", "--configfile", f"{name}.yaml")
        assert "Nothing to be done" in again.stdout + again.stderr


@pytest.mark.pipeline
@pytest.mark.long
def test_what_an_edit_of_a_sweep_reports_again(finished):
    """One experiment more, or another margin: its own report and the overall one. A figure that is gone: the same."""
    own = {"experiment_manifest": 1, "report_experiment": 1}
    grown = jobs(dry_run(finished, project_of("first", "third")))
    assert grown == {**own, "manifest": 1, "report": 1, "all": 1}
    other = jobs(dry_run(finished, project_of("first", no_loss=0.01)))
    assert other == {**own, "manifest": 1, "report": 1, "all": 1}
    figure = finished / "results/report/pareto-first.svg"
    kept = figure.read_bytes(), figure.stat()
    figure.unlink()
    try:
        assert jobs(dry_run(finished, project_of("first"))) == {"report_experiment": 1, "report": 1, "all": 1}
    finally:
        figure.write_bytes(kept[0])
        os.utime(figure, ns=(kept[1].st_atime_ns, kept[1].st_mtime_ns))
    assert jobs(dry_run(finished, project_of("first"))) == {}


@pytest.mark.large
@pytest.mark.pipeline
def test_a_dry_run_grows_no_faster_than_its_sweep(project):
    """In a core's time, since others may keep this machine busy; its seconds are `python -m bench.sweep`'s to say."""

    def seconds(experiments):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = jobs(dry_run(project, sweep(experiments)))
        assert (found["train"], found["report_experiment"]) == (experiments // 2, experiments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert after.ru_maxrss < 2 * 2**20  # KiB
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert seconds(1000) < 12 * seconds(100)


@pytest.mark.large
@pytest.mark.pipeline
def test_the_benchmark_of_sweeps_knows_every_file_of_a_report(tmp_path):
    words = ("-m", "bench.sweep", "--experiments", "1", "--output", tmp_path / "sweep")
    done = subprocess.run([sys.executable, *words], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "FAILED" not in done.stdout, (tmp_path / "sweep/bench.log").read_text()
