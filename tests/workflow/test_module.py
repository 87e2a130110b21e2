"""The pipeline as a module of another workflow, in a folder of its own, as snakedeploy writes it."""

import shutil

import pytest
import yaml
from backends.trained import CONFIG
from running.command import ROOT
from running.pipeline import snakemake

SNAKEFILE = f"""\
configfile: "config/datasets.yaml"
configfile: "config/detectors.yaml"
configfile: "config/experiments.yaml"


module pruning:
    snakefile:
        "{ROOT}/Snakefile"
    config:
        config


use rule * from pruning
"""
SETTINGS = {
    "run": ["few"],
    "datasets": {"few": {"kind": "scenes", "seed": 1, "train": 40, "prune": 20, "test": 20}},
    "detectors": {"linear": {"backend": "linear", "config": str(CONFIG), "anchor_sets": {"own": {"from": "config"}}}},
    "experiments": {
        "few": {
            "detector": "linear",
            "dataset": "few",
            "anchor_sets": ["own"],
            "searches": ["greedy"],
            "budgets": [0.5],
            "retrain": "none",
        }
    },
}


@pytest.fixture
def deployed(tmp_path):
    """A folder with a Snakefile and a copy of the configuration, and nothing else of the project."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow/Snakefile").write_text(SNAKEFILE)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(SETTINGS))
    return tmp_path


@pytest.mark.pipeline
@pytest.mark.long
def test_it_runs_from_another_folder(deployed):
    snakemake(deployed, "--configfile", "mine.yaml")
    assert (deployed / "results/report/index.html").is_file()
    assert (deployed / "results/few/linear/own/seed-0/greedy/0.5/slice/detector.json").is_file()
    again = snakemake(deployed, "--configfile", "mine.yaml", "--dry-run")
    assert "Nothing to be done" in again.stdout + again.stderr


def test_the_catalog_is_told_how_software_is_deployed():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert set(usage) <= {"mandatory-flags", "software-stack-deployment", "report"}
    assert any(usage["software-stack-deployment"].values())
