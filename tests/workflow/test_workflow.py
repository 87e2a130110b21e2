"""The pipeline: lint, the DAG, one line per mistake."""

import pytest
import yaml
from running.command import ROOT
from running.pipeline import SCHEMA, shipped_config, snakemake
from snakemake.utils import update_config

from anchorprune.errors import UserError
from anchorprune.pipeline.experiments import plan
from anchorprune.pipeline.sources import check_sources


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


def test_a_mistake_stops_before_any_job(project):
    done = snakemake(project, "--config", "searches={greedy: {method: nope}}", check=False)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("anchorprune: error: config: searches.greedy.method: 'nope' is not allowed; allowed: greedy")
    assert not (project / "results").exists()


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ({"run": "nothing"}, "config: run: unknown experiment 'nothing'; known: demo"),
        ({"rnu": "demo"}, "config: top level: unknown key 'rnu'; allowed keys: run, groups, datasets"),
    ],
)
def test_a_mistake_in_what_is_laid_over_the_shipped_configuration(setting, line):
    with pytest.raises(UserError) as error:
        plan(laid_over(setting), SCHEMA)
    assert str(error.value).startswith(line)


def laid_over(settings):
    """The shipped configuration with `settings` laid over it, as Snakemake does with --config and --configfile."""
    config = shipped_config()
    update_config(config, settings)
    return config


def test_missing_data_is_named():
    split = {"annotations": "no.json", "images": "."}
    with pytest.raises(UserError) as error:
        check_sources("few-scenes", {"kind": "coco", "train": split, "test": split})
    assert str(error.value) == (
        "datasets.few-scenes.train.annotations: no.json does not exist; put it there or mend the path"
    )


PAPER = [name for names in shipped_config()["groups"].values() for name in names]


@pytest.mark.parametrize("experiment", PAPER)
def test_a_mistake_in_any_paper_experiment_is_found_whatever_runs(experiment):
    with pytest.raises(UserError) as error:
        plan(laid_over({"experiments": {experiment: {"budgts": [0.5]}}}), SCHEMA)
    assert f"config: experiments.{experiment}: unknown key 'budgts'; allowed keys: " in str(error.value)


def test_a_folder_that_cannot_be_written_to(project):
    (project / "results").write_text("a file where the folder should be: root, too, cannot write there")
    done = snakemake(project, "--configfile", "mine.yaml", check=False)
    assert done.returncode != 0
    assert done.stderr.strip().splitlines()[-1].startswith("anchorprune: error: results: is a file")
