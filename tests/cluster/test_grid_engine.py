"""The pipeline on a real Grid Engine of one node, as a user without rights, through the profile `generic`.

`make test-grid-engine`. What a job asked for is what `qacct` says of it.
"""

import os
import re
import subprocess

import pandas as pd
import pytest
from running.cluster import GRID_ENGINE, LINEAR_RUN, PATIENCE, interrupt, one_node, wait_until
from running.pipeline import logs

PLACE = {"SGE_ROOT": "/tmp/anchorprune-grid-engine"}  # what a site's own settings.sh sets


@pytest.fixture(scope="module")
def user(someone):
    before = dict(someone.environment)
    with one_node(GRID_ENGINE):
        someone.environment.update(PLACE)
        yield someone
    someone.environment.clear()
    someone.environment.update(before)


def of_grid_engine(project, *, options=""):
    """The profile as docs/profiles.md says it: one line is edited, and one uncommented, which lets jobs have GPUs."""
    script = project.folder / "profiles/generic/queue.sh"
    text = re.sub(r"^system=\w+", "system=sge", script.read_text(), flags=re.MULTILINE)
    script.write_text(re.sub(r'^options=""', f'options="{options}"', text, flags=re.MULTILINE))
    profile = project.folder / "profiles/generic/config.yaml"
    profile.write_text(profile.read_text().replace("# resources: {gpu: 8,", "resources: {gpu: 2,"))
    return project


def asked():
    """Of all jobs that have ended, by number: how they were called, what they asked for, how they ended."""
    done = subprocess.run(["qacct", "-j"], env=os.environ | PLACE, capture_output=True, text=True, check=True)
    parts = re.split("^=+$", done.stdout, flags=re.MULTILINE)  # the last is of all together
    jobs = [dict(re.findall(r"^(\w+) +(.*?) *$", part, re.MULTILINE)) for part in parts]
    return {int(job["jobnumber"]): job for job in jobs if "jobnumber" in job}


def waiting_or_running():
    """Number -> name and state of what `qstat` knows."""
    done = subprocess.run(["qstat", "-u", "*"], env=os.environ | PLACE, capture_output=True, text=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines()[2:]]
    return {int(row[0]): (row[2], row[4]) for row in rows}


def submitted(project):
    """The jobs of all runs, by the queue's numbers."""
    text = "".join(log.read_text() for log in logs(project.folder))
    return [int(number) for number in re.findall(r"external jobid '(\d+)'", text)]


def test_a_queue_that_there_is_not_fails_at_once_with_its_reason(user):
    project = of_grid_engine(user.project("nonsense", LINEAR_RUN), options="-q nonsense")
    process = project.start("--retries", "0", profile="generic")
    assert process.wait(PATIENCE) != 0
    assert 'unknown queue "nonsense"' in project.log.read_text()
    assert not submitted(project)


def test_a_disturbed_run_ends_in_the_same_tables(user, undisturbed):
    """A training deleted from the queue comes back and asks for more; Ctrl-C empties the queue; and run again."""
    project = of_grid_engine(user.project("grid", LINEAR_RUN))
    process = project.start(profile="generic")

    def running(rule):
        return next((number for number, job in waiting_or_running().items() if job == (rule, "r")), None)

    first = wait_until(lambda: running("train"), process, project.log)
    subprocess.run(["qdel", str(first)], env=os.environ | PLACE, check=True)
    wait_until((project.folder / "results/few/linear/own/seed-0/train/detector.json").exists, process, project.log)
    searching = wait_until(lambda: running("search"), process, project.log)
    interrupt(process)
    for _ in range(300):
        if searching not in waiting_or_running():
            break
        subprocess.run(["sleep", "0.2"], check=True)
    assert not waiting_or_running()

    done = submitted(project)
    project.run(profile="generic")
    again = set(submitted(project)) - set(done)
    jobs = asked()
    assert not {"dataset", "train", "predict"} & {jobs[number]["jobname"] for number in again}
    tries = [job for number, job in sorted(jobs.items()) if job["jobname"] == "train"]
    assert len(tries) > 1
    for number, job in enumerate(tries, 1):
        words = {f"mem_free={200 * number}M", f"h_rt={3600 * number}", "gpu=1"}
        assert words <= set(re.split("[ ,]", job["category"]))
    (predicting,) = (job for job in jobs.values() if job["jobname"] == "predict")
    assert predicting["slots"] == "1"
    assert predicting["exit_status"] == "0"
    pd.testing.assert_frame_equal(project.table(), undisturbed())
