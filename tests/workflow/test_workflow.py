"""The pipeline: lint, the DAG, one line per mistake, and the smallest end-to-end run with a kill in its middle."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from anchorprune.report.data.results import COLUMNS

ROOT = Path(__file__).parents[2]
SNAKEMAKE = [sys.executable, "-m", "snakemake"]
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

SMALLEST = {
    "run": ["smallest"],
    "datasets": {"few-scenes": {"kind": "scenes", "seed": 1, "train": 240, "prune": 60, "test": 60}},
    "detectors": {
        "ssd-few": {
            "config": "config/detectors/ssd_demo.py",
            "training": {"epochs": 10},
            "finetuning": {"epochs": 1},
            "anchor_sets": {
                "plain": {
                    "strides": [8, 16, 32, 64],
                    "levels": [{"sizes": [s], "ratios": [1, 2, 0.5]} for s in (16, 28, 52, 88)],
                }
            },
        }
    },
    "experiments": {
        "smallest": {
            "detector": "ssd-few",
            "dataset": "few-scenes",
            "anchor_sets": ["plain"],
            "searches": ["greedy"],
            "budgets": [0.7, 0.4],
            "retrain": "finetune",
        }
    },
}


def snakemake(folder, *arguments, check=True):
    done = subprocess.run(
        [*SNAKEMAKE, "--cores", "2", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def project(tmp_path):
    """The project's pipeline in a folder of its own."""
    for name in ("Snakefile", "rules", "config", "profiles", "environment.yml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(SMALLEST))
    return tmp_path


def test_lint(project):
    assert "good condition" in snakemake(project, "--lint").stderr


def test_the_default_run_is_the_demo(project):
    planned = snakemake(project, "--dry-run").stdout
    for rule in ("dataset", "train", "predict", "search", "slice", "retrain", "evaluate", "report"):
        assert f"\n{rule} " in planned
    assert "results/report/pareto-demo.svg" in planned


@pytest.mark.parametrize("example", sorted((ROOT / "config/examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_are_valid(project, example, shared_data):
    settings = yaml.safe_load(example.read_text())
    names = ",".join(settings["experiments"])
    done = snakemake(ROOT, "--dry-run", "--configfile", str(example), "--config", f"run={names}")
    assert "Job stats" in done.stdout


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("run=nothing", "config: run: unknown experiment 'nothing'; known: demo"),
        ("rnu=demo", "config: top level: unknown key 'rnu'; allowed keys: run, groups, datasets"),
        ("searches={greedy: {method: nope}}", "config: searches.greedy.method: 'nope' is not allowed; allowed: greedy"),
    ],
)
def test_a_mistake_stops_before_any_job(project, setting, line):
    done = snakemake(project, "--config", setting, check=False)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"anchorprune: error: {line}")
    assert not (project / "results").exists()


def test_missing_data_stops_before_any_job(project):
    split = {"annotations": "no.json", "images": "."}
    settings = {"datasets": {"few-scenes": {"kind": "coco", "train": split, "test": split}}}
    text = yaml.safe_dump({**SMALLEST, **settings})
    (project / "mine.yaml").write_text(text)
    done = snakemake(project, "--configfile", "mine.yaml", check=False)
    assert done.returncode != 0
    assert done.stderr.strip().splitlines()[-1] == (
        "anchorprune: error: datasets.few-scenes.train.annotations: no.json does not exist; "
        "put it there or mend the path"
    )


PAPER = [
    name
    for names in yaml.safe_load((ROOT / "config/experiments.yaml").read_text())["groups"].values()
    for name in names
]


@pytest.mark.parametrize("experiment", PAPER)
def test_a_mistake_in_any_paper_experiment_stops_before_any_job(project, experiment):
    done = snakemake(project, "--dry-run", "--config", f"experiments={{{experiment}: {{budgts: [0.5]}}}}", check=False)
    assert done.returncode != 0
    assert f"config: experiments.{experiment}: unknown key 'budgts'; allowed keys: " in done.stderr.splitlines()[-1]


def test_a_folder_that_cannot_be_written_to(project):
    (project / "results").write_text("a file where the folder should be: root, too, cannot write there")
    done = snakemake(project, "--configfile", "mine.yaml", check=False)
    assert done.returncode != 0
    assert done.stderr.strip().splitlines()[-1].startswith("anchorprune: error: results: is a file")


def test_end_to_end_with_a_kill_in_the_middle(project):
    command = [*SNAKEMAKE, "--cores", "2", "--configfile", "mine.yaml"]
    with (project / "killed.log").open("w") as log:
        first = subprocess.Popen(command, cwd=project, stdout=log, stderr=log, env=ENVIRONMENT, start_new_session=True)
        checkpoint = project / "results/few-scenes/ssd-few/plain/seed-0/train/checkpoints/last_checkpoint"
        deadline = time.monotonic() + 180
        while not checkpoint.exists():
            assert first.poll() is None, (project / "killed.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        dataset = (project / "results/data/few-scenes/dataset.json").stat().st_mtime_ns
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()

    snakemake(project, "--configfile", "mine.yaml")
    log = (project / "results/few-scenes/ssd-few/plain/seed-0/train/train.log").read_text()
    assert "resumes from its last checkpoint" in log
    assert (project / "results/data/few-scenes/dataset.json").stat().st_mtime_ns == dataset

    report = project / "results/report"
    table = pd.read_csv(report / "results.csv", keep_default_na=False)
    assert list(table.columns[: len(COLUMNS)]) == COLUMNS
    assert len(table) == 3
    assert list(table["budget"]) == [1, 0.7, 0.4]
    full = table.iloc[0]
    assert full["ap"] > 0.05
    for _, row in table.iloc[1:].iterrows():
        assert row["macs"] <= row["budget"] * full["macs"]
        assert row["saved_macs"] == pytest.approx(1 - row["macs"] / full["macs"])
        assert row["anchors"] == len(row["kept"].split()) < full["anchors"]
    for name in ("pareto-smallest", "layouts-smallest"):
        for kind in ("pdf", "svg", "png"):
            assert (report / f"{name}.{kind}").stat().st_size > 1000
    for kind in ("md", "tex"):
        assert "unpruned" in (report / f"results.{kind}").read_text()

    again = snakemake(project, "--configfile", "mine.yaml")
    assert "Nothing to be done" in again.stderr + again.stdout
    before = (report / "results.csv").read_bytes()
    (report / "results.csv").unlink()
    snakemake(project, "--configfile", "mine.yaml")
    assert (report / "results.csv").read_bytes() == before
