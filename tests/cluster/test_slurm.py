"""The pipeline on a real Slurm of one node, as a user without rights, through the profile that is shipped.

`make test-cluster`. What a job asked for is what `squeue` and `scontrol` say of it.
"""

import re
import subprocess

import pandas as pd
import pytest
import yaml
from running.cluster import LINEAR_RUN, PATIENCE, SLURM, interrupt, one_node, queue, wait_until
from running.pipeline import SMALLEST

TRAINED = "results/few/linear/own/seed-0"


@pytest.fixture(scope="module")
def user(someone):
    with one_node(SLURM):
        yield someone


def jobs_of(project, rule):
    """Slurm's word on the last run's jobs of a rule, in the order of their submission."""
    known = queue()
    jobs = [known[number] for number in project.submitted() if number in known]
    return [job for job in jobs if job.rule == rule]


def running(project, rule):
    return next((job for job in jobs_of(project, rule) if job.state == "RUNNING"), None)


def scontrol(*words):
    return subprocess.run(["scontrol", *words], check=True, capture_output=True, text=True).stdout


def node():
    return subprocess.run(["hostname", "-s"], check=True, capture_output=True, text=True).stdout.strip()


def test_a_bad_partition_fails_at_once_with_slurms_reason(user):
    project = user.project("partition", LINEAR_RUN)
    profile = project.folder / "profiles/slurm/config.yaml"
    profile.write_text(profile.read_text().replace("slurm_partition: main", "slurm_partition: nonsense"))
    process = project.start()
    assert process.wait(PATIENCE) != 0
    assert "invalid partition specified: nonsense" in project.log.read_text()
    assert not project.submitted()


def test_two_jobs_with_gpus_get_a_device_each(user):
    """The profile's lines for GPUs, uncommented; two seeds of one detector are trained at once."""
    settings = yaml.safe_load(yaml.safe_dump(SMALLEST))
    settings["datasets"]["few-scenes"] |= {"train": 16, "prune": 4, "test": 4}
    settings["detectors"]["ssd-few"]["training"]["epochs"] = 1
    project = user.project("gpus", settings)
    profile = project.folder / "profiles/slurm/config.yaml"
    lines = profile.read_text().splitlines()
    start = lines.index("# resources: {gpu: 8}")
    end = lines.index("", start)
    lines[start:end] = [line.removeprefix("# ") for line in lines[start:end]]
    profile.write_text("\n".join(lines) + "\n")
    folders = [f"results/few-scenes/ssd-few/plain/seed-{seed}/train" for seed in (0, 1)]
    process = project.start(*(f"{folder}/detector.json" for folder in folders))

    both = wait_until(lambda: len(jobs_of(project, "train")) == 2 and jobs_of(project, "train"), process, project.log)
    for job in both:
        assert (job.memory, job.limit, job.partition, job.cpus) == ("3000M", "1:00:00", "gpu", "1")
        assert job.gpus == "gres:gpu:1"
    wait_until(lambda: all(job.state == "RUNNING" for job in jobs_of(project, "train")), process, project.log)
    lent = [
        re.search(r"GRES=gpu\S*\(IDX:(\d)\)", scontrol("show", "job", "--details", str(job.jobid)))[1] for job in both
    ]
    assert sorted(lent) == ["0", "1"]
    locks = wait_until(lambda: held_by(user, both), process, project.log)
    assert locks == {job.jobid: device for job, device in zip(both, lent, strict=True)}
    assert process.wait(PATIENCE) == 0, project.log.read_text()
    logs = [(project.folder / folder / "train.log").read_text() for folder in folders]
    assert sorted(re.search(r"GPUs: (\S+)", log)[1] for log in logs) == ["0", "1"]
    (dataset,) = jobs_of(project, "dataset")
    assert (dataset.partition, dataset.gpus, dataset.memory) == ("main", "N/A", "2000M")


def held_by(user, jobs):
    """Job -> the device that anchorprune holds in it, once all hold one."""
    found = {}
    for job in jobs:
        folder = user.temporary / f"gpus{job.jobid}"
        names = [path.stem for path in folder.glob("?.lock")] if folder.is_dir() else []
        if len(names) == 1:
            found[job.jobid] = names[0]
    return found if len(found) == len(jobs) else None


def test_a_job_stops_where_the_code_has_changed(user):
    project = user.project("edited", LINEAR_RUN)
    process = project.start("--retries", "0")
    wait_until((project.folder / "results/data/few/dataset.log").exists, process, project.log)
    with (project.folder / "rules/train.smk").open("a") as stream:
        stream.write("# another day's work\n")
    assert process.wait(PATIENCE) != 0
    line = (
        "anchorprune: error: rules/train.smk: changed while this run goes on; undo the change, or run snakemake again"
    )
    assert project.log.read_text().strip().splitlines()[-1] == line
    (job,) = jobs_of(project, "train")
    (log,) = (project.folder / "results/slurm").rglob(f"{job.jobid}.log")
    assert line in log.read_text()
    assert not [path for path in (project.folder / TRAINED).rglob("*") if path.is_file() and path.stat().st_size]


def test_a_disturbed_run_ends_in_the_same_tables(user, undisturbed):
    """A job killed for its memory, an edit, a cancelled job, a drained node, Ctrl-C; and run again."""
    project = user.project("disturbed", LINEAR_RUN)
    own = project.folder / "mine.yaml"
    written = own.read_text()
    process = project.start()

    wait_until(lambda: running(project, "dataset"), process, project.log)
    own.write_text(
        written.replace("budgets:\n      - 0.7", "budgets:\n      - 0.3").replace("seed: 1", "seed: 2") + "\n- ["
    )
    (project.folder / "config/detectors.yaml").write_text("}")  # as an editor leaves it for a moment

    wait_until(lambda: (project.folder / TRAINED / "train/detector.json").exists(), process, project.log)
    tries = jobs_of(project, "train")
    assert len({job.jobid for job in tries}) == len(tries) > 1
    assert [job.memory for job in tries] == [f"{200 * (n + 1)}M" for n in range(len(tries))]
    assert [job.limit for job in tries] == [f"{n + 1}:00:00" for n in range(len(tries))]
    assert {job.state for job in tries[:-1]} <= {"FAILED", "OUT_OF_MEMORY"}

    first = wait_until(lambda: running(project, "predict"), process, project.log)
    assert (first.memory, first.limit, first.partition, first.gpus) == ("3000M", "30:00", "main", "N/A")
    scontrol("update", f"nodename={node()}", "state=drain", "reason=test")
    subprocess.run(["scancel", str(first.jobid)], check=True)
    second = wait_until(lambda: jobs_of(project, "predict")[1:], process, project.log)[0]
    assert (second.state, second.memory, second.limit) == ("PENDING", "6000M", "1:00:00")
    assert jobs_of(project, "predict")[0].state == "CANCELLED"
    scontrol("update", f"nodename={node()}", "state=resume")

    searching = wait_until(lambda: running(project, "search"), process, project.log)
    interrupt(process)
    wait_until_ended(searching.jobid)
    assert queue()[searching.jobid].state == "CANCELLED"
    own.write_text(written)
    (project.folder / "config/detectors.yaml").write_text((user.home / "undisturbed/config/detectors.yaml").read_text())

    project.run()
    assert not {"dataset", "train", "predict"} & {queue()[number].rule for number in project.submitted()}
    pd.testing.assert_frame_equal(project.table(), undisturbed())


def wait_until_ended(number):
    for _ in range(300):
        if queue()[number].state not in ("RUNNING", "COMPLETING", "PENDING"):
            return
        subprocess.run(["sleep", "0.2"], check=True)
