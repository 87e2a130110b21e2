"""Interruptions of the pipeline, and what a restart makes of them: the results of a run that nobody disturbed.

`make test-faults`; minutes. Every moment is drawn with a seed; of the trainings of mmdet see tests/test_training.py.
"""

import os
import random
import resource
import shutil
import signal
import time
from collections import Counter

import pytest
from running.command import as_process
from running.faults import (
    Run,
    check_equal,
    contents,
    errors_logged,
    finish,
    new_project,
    processes_in,
    small_disk,
    used,
)
from running.pipeline import snakemake

pytestmark = [pytest.mark.faults, pytest.mark.pipeline]

KILLS, MOST_CHAINS = 40, 6
UNHIT = {"all", "manifest", "experiment_manifest"}  # nothing, and milliseconds: may be missed
LAST = ("evaluate", "manifest", "experiment_manifest", "report_experiment", "report")  # what they need, others make
PAGES = 1  # every command writes a result and a record
FITS = ("all", "manifest", "experiment_manifest")  # write less
SEED = "few/linear/own/seed-0"
# What is damaged, and a file that is to be made again from it
DAMAGED = (
    ("data/few/prune.json", f"{SEED}/predict/predictions.parquet"),
    (f"{SEED}/train/weights.npz", f"{SEED}/predict/predictions.parquet"),
    (f"{SEED}/predict/predictions.parquet", f"{SEED}/greedy/search/front.csv"),
    (f"{SEED}/greedy/search/layout-*[0-9].json", f"{SEED}/greedy/*/slice/detector.json"),
    (f"{SEED}/greedy/search/front.csv", "report/results.csv"),
    (f"{SEED}/greedy/search/evaluated.parquet", "report/results.csv"),
    (f"{SEED}/greedy/*/slice/weights.npz", f"{SEED}/greedy/*/retrain-finetune/detector.json"),
    (f"{SEED}/train/evaluate/metrics.json", "report/results.csv"),
    (f"{SEED}/train/evaluate/detections.json", f"{SEED}/greedy/*/slice/evaluate/metrics.json"),
    (f"{SEED}/train/head.json", f"{SEED}/greedy/*/slice/detector.json"),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run: results, durations of the rules in their order, seconds before the first, folder."""
    folder = new_project(tmp_path_factory.mktemp("whole") / "project")
    run = Run(folder)
    assert run.wait() == 0, "".join(run.lines)
    return contents(folder), run.durations(), run.events[0][0], folder, run.outputs()


def said(what, lines):
    """For `pytest -s`: what was done."""
    print(f"\n{what}", *lines, sep="\n  ")


def test_killed_at_random_moments(whole, tmp_path):
    """The whole process group, as often as the pipeline takes to end nevertheless; and again, KILLS times in all."""
    results, durations, before, *_ = whole
    draw, kills, chains, stages = random.Random(0), 0, 0, Counter()
    while chains < MOST_CHAINS and (kills < KILLS or not set(stages) >= set(durations) - UNHIT):
        folder, chains, ended = new_project(tmp_path / f"chain-{chains}"), chains + 1, False
        while not ended:
            run, count = Run(folder), draw.choice((0, 1, 1, 2, 2, 3))
            rule = run.wait_for_start(count, set(durations) - set(stages)) if count else None
            time.sleep(draw.uniform(0, durations[rule] if rule else before))
            ended = run.process.poll() is not None
            stages.update([] if ended else run.running() or ["between jobs"])
            kills += not ended
            if ended:
                assert run.wait() == 0, "".join(run.lines)
            else:
                run.kill_all()
        check_equal(folder, results)
    said(f"{kills} kills, {chains} pipelines, differences: none", [f"{n} {count}" for n, count in stages.most_common()])
    assert set(stages) >= set(durations) - UNHIT


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_told_to_end(whole, tmp_path, number):
    """Snakemake alone gets the signal; its jobs are its own to end."""
    results, durations, *_ = whole
    draw, folder, lines = random.Random(int(number)), new_project(tmp_path / "project"), []
    for count in (1, 3, 2, 4, 2):
        run = Run(folder)
        rule = run.wait_for_start(count)
        if rule is None:
            break
        time.sleep(draw.uniform(0, durations[rule]))
        during = run.running()
        run.process.send_signal(number)
        status = run.wait()
        lines.append(f"in {', '.join(during) or 'between jobs'}: status {status}")
        assert processes_in(folder) == []
    finish(folder)
    said(number.name, lines)
    check_equal(folder, results)
    assert errors_logged(folder) == []


@pytest.fixture
def copied(whole, tmp_path):
    """A copy of the finished project, times and all."""
    return shutil.copytree(whole[3], tmp_path / "project", symlinks=True)


def test_disk_full_in_each_stage(whole, tmp_path):
    """One page is left when a stage begins; then there is room again."""
    results, *_, outputs = whole
    folder, lines = new_project(tmp_path / "project"), []
    with small_disk(folder / "results") as remount:
        for rule in sorted(outputs, key=lambda rule: rule in LAST):
            remount(f"size={used(folder / 'results') + PAGES * resource.getpagesize()}")
            failed = snakemake(folder, *outputs[rule], "--configfile", "mine.yaml", check=False)
            logged = errors_logged(folder)
            lines.append(f"{rule}: status {failed.returncode}: {'; '.join(logged) or 'no room for a line in the log'}")
            assert (failed.returncode != 0) or rule in FITS
            assert len(logged) <= 2  # one for each of two jobs side by side
            assert all("No space left on device" in line for line in logged)
            remount("size=64m")
            snakemake(folder, *outputs[rule], "--configfile", "mine.yaml")
        finish(folder)
        said("disk full", lines)
        check_equal(folder, results)


def test_read_only_results(whole, tmp_path):
    results, folder = whole[0], new_project(tmp_path / "project")
    with small_disk(folder / "results") as remount:
        run = Run(folder)
        run.wait_for_start(6)
        run.kill_all()
        remount("ro")
        run = Run(folder)
        assert run.wait() != 0
        last = [line for line in run.lines if line.startswith("anchorprune: error: ")]
        command = ("dataset", "scenes", "--train", "1", "--prune", "1", "--test", "1", "--output", "results/data/few")
        done = as_process(*command, cwd=folder)
        assert done.status == 2
        assert done.error_line.startswith(
            f"anchorprune: error: {folder}/results/data/few: cannot write here (Read-only"
        )
        said("read-only", [*last, done.error_line])
        assert len(last) == 1
        assert last[0].startswith("anchorprune: error: results: cannot write here")
        remount("rw")
        finish(folder)
        check_equal(folder, results)


@pytest.mark.parametrize(("name", "reader"), DAMAGED, ids=lambda text: text.rpartition("/")[2])
def test_damaged_between_two_runs(whole, copied, name, reader):
    """Damaged, and the stage that reads it is to run again: it names the file; `verify --remove` has it made again."""
    draw = random.Random(name)
    (file,), (output,) = (sorted((copied / "results").glob(pattern)) for pattern in (name, reader))
    data = file.read_bytes()
    cut = draw.randrange(len(data))
    how, damaged = draw.choice(
        [("cut off", data[:cut]), ("random bytes", data[:cut] + draw.randbytes(8) + data[cut + 8 :]), ("emptied", b"")]
    )
    file.write_bytes(damaged)
    output.unlink()
    again = output.relative_to(copied).as_posix()
    failed = snakemake(copied, again, "--configfile", "mine.yaml", check=False)
    assert failed.returncode != 0
    lines, relative = errors_logged(copied), file.relative_to(copied).as_posix()
    said(how, lines)
    assert lines
    for line in lines:
        assert line.startswith(
            f"anchorprune: error: {relative}: damaged or changed since it was made; `anchorprune verify"
        )
    found = as_process("verify", "results", "--remove", cwd=copied)
    assert found.status == 1
    assert relative in found.json["removed"]
    snakemake(copied, *found.json["remake"], again, "--configfile", "mine.yaml")
    finish(copied)
    check_equal(copied, whole[0])


@pytest.mark.parametrize("shift", ["future", "past", "mixed"])
def test_clock_set_back(whole, copied, shift):
    """Results of tomorrow, of long ago, or of both: the same tables, and an end to it."""
    draw = random.Random(0)
    for path in sorted((copied / "results").rglob("*")):
        day = {"future": 1, "past": -3650, "mixed": draw.choice((-30, 0, 1))}[shift] * 86400
        os.utime(path, (path.stat().st_atime + day, path.stat().st_mtime + day))
    jobs = []
    for _ in range(3):
        run = Run(copied)
        assert run.wait() == 0, "".join(run.lines)
        jobs.append(Counter(rule for _, started, rule in run.events if started))
    said(shift, [str(dict(counts)) for counts in jobs])
    check_equal(copied, whole[0])
    assert not jobs[-1]


def test_an_input_of_tomorrow(whole, copied):
    """Snakemake takes a job for failed whose outputs are older than its inputs; so times to come become the present."""
    predictions, front = (
        copied / f"results/{SEED}" / name for name in ("predict/predictions.parquet", "greedy/search/front.csv")
    )
    tomorrow = time.time() + 86400
    os.utime(predictions, (tomorrow, tomorrow))
    front.unlink()
    (copied / "results/report/results.csv").unlink()
    finish(copied)
    check_equal(copied, whole[0])
    assert predictions.stat().st_mtime < time.time()
