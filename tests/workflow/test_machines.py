"""Where jobs run: the GPUs of a machine, counted without being named; the profiles."""

import os
import re
import subprocess

import pytest
import yaml
from running import nvidia_smi
from running.command import ROOT
from running.pipeline import SMALLEST, SNAKEMAKE, environment, snakemake


@pytest.fixture
def gpus(tmp_path, monkeypatch):
    """Two GPUs, as far as nvidia-smi says."""
    nvidia_smi.say(tmp_path, monkeypatch, "GPU-a", "GPU-b")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def plan(project, recipe, *arguments):
    settings = yaml.safe_load(yaml.safe_dump(SMALLEST))
    settings["detectors"]["ssd-few"]["training"].update(recipe)
    settings["detectors"]["ssd-few"]["resources"] = {"train": {"mem_mb": 5000}}
    (project / "mine.yaml").write_text(yaml.safe_dump(settings))
    return snakemake(project, "--dry-run", "--configfile", "mine.yaml", *arguments).stdout


def resources_of(planned, rule):
    """The `resources:` line of a rule's first job."""
    job = planned.split(f"\nrule {rule}:" if f"\nrule {rule}:" in planned else f"\n{rule} ")[1]
    return next(line for line in job.splitlines() if line.strip().startswith("resources:"))


def test_gpus_are_found_and_shared_out(project, gpus):
    planned = plan(project, {})
    for rule in ("train", "retrain", "predict", "evaluate"):
        assert "gpu=1" in resources_of(planned, rule)
    assert "gpu=2" in resources_of(plan(project, {"gpus": 2}), "train")
    assert "gpu" not in resources_of(planned, "search")
    assert "mem_mb=5000" in resources_of(planned, "train")


def test_without_gpus_jobs_ask_for_none(project, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    planned = plan(project, {"workers": 1})
    assert "gpu=0" in resources_of(planned, "train")
    assert "threads: 2" in planned


@pytest.mark.long
def test_no_more_jobs_at_once_than_there_are_gpus(project, gpus):
    """Snakemake counts the GPUs that were found; --resources has its way."""
    target = "results/anchors/ssd-few/plain.json"
    (project / "mine.yaml").write_text(yaml.safe_dump(SMALLEST))
    found = snakemake(project, target, "--configfile", "mine.yaml")
    assert re.search(r"Provided resources: gpu=.*\b2\b", found.stderr)
    (project / target).unlink()
    limited = snakemake(project, target, "--configfile", "mine.yaml", "--resources", "gpu=1")
    assert re.search(r"Provided resources: gpu=.*\b1\b", limited.stderr)


def gpu_lines():
    """The part of the profile for Slurm that is to be uncommented where there are GPUs."""
    lines = (ROOT / "profiles/slurm/config.yaml").read_text().splitlines()
    start = lines.index("# resources: {gpu: 8}")
    return yaml.safe_load("\n".join(line[2:] for line in lines[start : lines.index("", start)]))


def test_every_rule_with_gpus_is_in_the_profile():
    """By the rules' own text: those that ask for `gpu`, and those that are made of them."""
    rules = "".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))
    blocks = re.findall(r"^(?:rule|checkpoint) (\w+):(.*?)(?=^\S|\Z)", rules, re.M | re.S)
    asking = {name for name, block in blocks if "gpu=" in block}
    asking |= {new for base, new in re.findall(r"^use rule (\w+) as (\w+)", rules, re.M) if base in asking}
    assert asking == set(gpu_lines()["set-resources"])


def test_all_cores_are_used_without_being_named(project):
    """The default profile is found, and the command line has its way."""
    command = [*SNAKEMAKE, "results/anchors/ssd-demo/baseline.json"]
    done = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, check=True)
    assert f"Provided cores: {os.cpu_count()}" in done.stderr
