"""What a run shows: a line for each job, live ones on a terminal, one line of a failed job; how it is gone on with."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import time

import pytest
import yaml
from backends.trained import CONFIG
from running.pipeline import SNAKEMAKE, environment, snakemake

NAMES = {"backend": "linear", "config": str(CONFIG), "anchor_sets": {"own": {"from": "config"}}}
TAKEN = "results/few/ready/own/seed-0/train/detector.json"


@pytest.fixture
def taken(project):
    """A project whose detector's weights are no weights."""
    settings = {
        "run": ["taken"],
        "datasets": {"few": {"kind": "scenes", "train": 20, "prune": 5, "test": 5}},
        "detectors": {"ready": {**NAMES, "weights": "weights.npz"}},
        "experiments": {
            "taken": {
                "detector": "ready",
                "dataset": "few",
                "anchor_sets": ["own"],
                "searches": ["greedy"],
                "budgets": [0.5],
                "retrain": "none",
            }
        },
    }
    (project / "mine.yaml").write_text(yaml.safe_dump(settings))
    (project / "weights.npz").write_bytes(b"no weights")
    return project


def _as_from_a_shell():
    """Give the process its controlling terminal."""
    os.close(os.open(os.ttyname(0), os.O_RDWR))


def on_terminal(folder, *arguments, keys=b"", after=""):
    """What Snakemake shows on a terminal, without colours; `keys` are typed once it has shown `after`."""
    ours, its = pty.openpty()
    run = subprocess.Popen(
        [*SNAKEMAKE, "--cores", "2", *arguments],
        cwd=folder,
        env={**environment(), "TERM": "xterm", "COLUMNS": "110", "LINES": "40"},
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        preexec_fn=_as_from_a_shell,
    )
    os.close(its)
    shown, limit = "", time.monotonic() + 120
    while time.monotonic() < limit:
        try:
            shown += os.read(ours, 65536).decode(errors="replace")
        except OSError:  # it has ended
            break
        if keys and after in shown:
            os.write(ours, keys)
            keys = b""
    os.close(ours)
    try:
        status = run.wait(60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
    return status, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)


def test_a_failed_job_is_its_own_error_in_one_line(taken):
    done = snakemake(taken, TAKEN, "--configfile", "mine.yaml", check=False)
    assert done.returncode != 0
    (line,) = [line for line in done.stderr.splitlines() if " failed: " in line]
    log = "results/few/ready/own/seed-0/train/convert.log"
    error = (taken / log).read_text().strip().splitlines()[-1].removeprefix("anchorprune: error: ")
    assert line == f"convert few/ready/own/seed-0/train failed: {error} (log: {log})"
    assert "weights.npz" in error
    assert "Traceback" not in done.stderr
    assert "RuleException" not in done.stderr
    assert done.stderr.splitlines()[-1] == "1 failed, 0 of 1 jobs are done: run the same command again to go on"


def test_a_terminal_shows_what_runs_and_a_pipe_a_line_for_each_job(project):
    target = "results/data/few-scenes/dataset.json"
    status, shown = on_terminal(project, target, "--configfile", "mine.yaml")
    assert status == 0
    assert re.search(r"━+.*0 of 1 jobs", shown)
    assert "run the same command again" not in shown
    (project / target).unlink()
    piped = snakemake(project, target, "--configfile", "mine.yaml").stderr
    assert re.search(r"^\[0/1\] dataset data/few-scenes \.\.\.$", piped, re.MULTILINE)
    assert re.search(r"^\[1/1\] dataset data/few-scenes: done in 0:\d\d:\d\d$", piped, re.MULTILINE)
    assert "\x1b" not in piped
    assert "Select jobs" not in piped
    for log in (project / ".snakemake/log").iterdir():  # every word of Snakemake's is there
        assert "checkpoint dataset:" in log.read_text()


def test_interrupted_it_says_how_to_go_on(project):
    settings = yaml.safe_load((project / "mine.yaml").read_text())
    settings["datasets"]["few-scenes"]["train"] = 50000  # minutes
    (project / "mine.yaml").write_text(yaml.safe_dump(settings))
    target = "results/data/few-scenes/dataset.json"
    status, shown = on_terminal(project, target, "--configfile", "mine.yaml", keys=b"\x03", after="0 of 1 jobs")
    assert status != 0
    assert "stopping; what is done stays" in shown
    assert " failed: " not in shown
    assert "Traceback" not in shown
    assert shown.strip().splitlines()[-1] == "0 of 1 jobs are done: run the same command again to go on"
