"""The pipeline as a module of another workflow, in a folder of its own, as snakedeploy writes it."""

import shutil
import subprocess

import pytest
import yaml
from backends.trained import CONFIG
from running.command import ROOT
from running.pipeline import jobs_planned, snakemake

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


# As snakedeploy 0.17 writes it, for a repository at GitHub.
WRITTEN = """\
from snakemake.utils import min_version


min_version("6.10.0")


configfile: "config/config.yaml"


# declare https://github.com/someone/pruning as a module
module pruning:
    snakefile:
        github("someone/pruning", path="Snakefile", tag="v1")
    config:
        config


# use all rules from https://github.com/someone/pruning
use rule * from pruning
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with the pipeline, from which git takes what it would fetch from github.com/someone/pruning."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in ("rules", "config"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("Snakefile", "environment.yml"):
        shutil.copy(ROOT / name, folder)
    settings = tmp_path / "gitconfig"
    instead = f'[url "{folder.as_uri()}"]\n\tinsteadOf = https://github.com/someone/pruning\n'
    settings.write_text(f"{instead}[user]\n\tname = me\n\temail = me\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "all"), ("tag", "v1")):
        subprocess.run(["git", *words], cwd=folder, check=True)


@pytest.mark.pipeline
@pytest.mark.long
@pytest.mark.usefixtures("repository")
def test_it_runs_from_a_repository(deployed):
    """Without a change to what snakedeploy wrote: `config/config.yaml` lies over the other files."""
    (deployed / "workflow/Snakefile").write_text(WRITTEN)
    (deployed / "mine.yaml").rename(deployed / "config/config.yaml")
    made = ("results/few/linear/own/seed-0/train/detector.json", "results/report/manifest.json")
    snakemake(deployed, *made)
    assert all((deployed / name).is_file() for name in made)
    again = snakemake(deployed, *made, "--dry-run")
    assert "Nothing to be done" in again.stdout + again.stderr
    assert "report" in jobs_planned(deployed)


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
    assert usage["report"] is True  # tests/workflow/test_linear.py makes it
