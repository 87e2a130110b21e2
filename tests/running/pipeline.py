"""Snakemake runs of the project's pipeline in a folder of their own, and the smallest configuration."""

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import yaml

from running.command import ROOT, wait_for

SNAKEMAKE = [sys.executable, "-m", "snakemake"]
STARTED = re.compile(r"^(?:local)?(?:rule|checkpoint) (\w+):$", re.MULTILINE)  # in a log of Snakemake
SCHEMA = ROOT / "config/schemas/experiments.schema.yaml"

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
            "budgets": [0.5],
            "retrain": "finetune",
        }
    },
}


def shipped_config() -> dict:
    """The configuration that the project comes with, as Snakemake reads it."""
    files = [ROOT / f"config/{name}.yaml" for name in ("datasets", "detectors", "experiments")]
    return {key: value for file in files for key, value in yaml.safe_load(file.read_text()).items()}


def link_project(folder: Path) -> None:
    """Put the pipeline into a folder: its results will lie there."""
    for name in ("Snakefile", "rules", "config", "profiles", "environment.yml"):
        (folder / name).symlink_to(ROOT / name)


def environment() -> dict[str, str]:
    """The variables of now, with this Python's commands found first."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def snakemake(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a folder, on two cores."""
    done = subprocess.run(
        [*SNAKEMAKE, "--cores", "2", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


def logs(folder: Path) -> list[Path]:
    """What Snakemake logged of each run in a folder, in their order: all of it, whatever a terminal shows."""
    return sorted((folder / ".snakemake/log").glob("*.snakemake.log"))


def jobs_run(folder: Path) -> Counter[str]:
    """Rule -> the jobs of it that the last run in a folder began."""
    return Counter(STARTED.findall(logs(folder)[-1].read_text()))


def jobs_planned(folder: Path, *arguments: str) -> Counter[str]:
    """Rule -> the jobs of it that a run in a folder would begin; a dry run, which leaves no log."""
    return Counter(STARTED.findall(snakemake(folder, "--dry-run", *arguments).stdout))


def killed(folder: Path, file: Path) -> None:
    """Run the pipeline of mine.yaml until it has written a file, then kill it with all its jobs."""
    command = [*SNAKEMAKE, "--cores", "2", "--configfile", "mine.yaml"]
    log = folder / "killed.log"
    with log.open("w") as stream:
        run = subprocess.Popen(
            command, cwd=folder, stdout=stream, stderr=stream, env=environment(), start_new_session=True
        )
        wait_for(file, run, log)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
