"""Trainings that are killed, ended, or robbed of their checkpoints: run again, their weights are those of one that was not.

Each runs as a process of its own, forked from this one, which has mmdet imported; what makes it write often or slowly,
or kill itself, is put into that process alone.
"""

import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from running.command import ROOT
from running.detector import SMALL_ANCHORS
from running.state import like_a_new_process

torch = pytest.importorskip("torch")

from filelock import FileLock
from mmengine.fileio.backends import LocalBackend

from anchorprune.cli import main
from anchorprune.detectors.mmdet.config import compose
from anchorprune.detectors.mmdet.training import checkpoint_hook
from anchorprune.detectors.mmdet.training.ranks import run_ranks
from anchorprune.errors import UserError

DEMO = ROOT / "config/detectors/ssd_demo.py"
FORK = multiprocessing.get_context("fork")
TWO_EPOCHS = ("--epochs", 2)  # ten iterations
WINDOW = 0.3  # seconds that a slow checkpoint takes


@pytest.fixture(scope="module")
def given(tmp_path_factory, run_command):
    """The arguments of a training on forty scenes: five iterations of eight in an epoch."""
    folder = tmp_path_factory.mktemp("given")
    made = run_command("dataset", "scenes", "--train", 40, "--prune", 1, "--test", 1, "--output", folder)
    assert made.status == 0, made.err
    (folder / "anchors.json").write_text(json.dumps(SMALL_ANCHORS))
    return (
        *("train", DEMO, "--name", "few", "--anchors", folder / "anchors.json", "--seed", 3),
        *("--annotations", folder / "train.json", "--images", folder / "images/train"),
    )


class Run:
    """A training in a process of its own.

    Args:
        words: of the command, but its output.
        output: folder of the results.
        prepare: called in the process first.
    """

    def __init__(self, words, output, prepare=lambda: None):
        self.output, self.log = output, output.with_suffix(".log")
        self.process = FORK.Process(target=self._live, args=(words, prepare))
        self.process.start()

    def _live(self, words, prepare):
        os.setsid()
        with self.log.open("w") as log:
            for descriptor in (1, 2):
                os.dup2(log.fileno(), descriptor)
        sys.stdout = sys.stderr = os.fdopen(2, "w", buffering=1)
        prepare()
        with like_a_new_process():
            status = main([str(word) for word in (*words, "--output", self.output)])
        sys.stderr.flush()
        os._exit(status)

    @property
    def partial(self):
        return self.output / "checkpoints/partial.pth"

    def wait_for(self, event):
        deadline = time.monotonic() + 300
        while not event() and self.process.is_alive():
            assert time.monotonic() < deadline, self.said
            time.sleep(0.001)

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        return self.status

    @property
    def status(self):
        """Wait for its end: its exit status."""
        self.process.join(300)
        return self.process.exitcode

    @property
    def said(self):
        return self.log.read_text()


def often():
    """A checkpoint at every iteration."""
    checkpoint_hook._SECONDS = 0


def slowly():
    """A checkpoint at every iteration, which takes its time: half of it lies there, then all of it, then its name."""
    often()
    put, fsync = LocalBackend.put, os.fsync

    def put_slowly(self, content, path):
        put(self, content[: len(content) // 2], path)
        time.sleep(WINDOW / 3)
        put(self, content, path)

    def fsync_slowly(descriptor):
        time.sleep(WINDOW / 3)
        fsync(descriptor)

    LocalBackend.put, os.fsync = put_slowly, fsync_slowly


def dying_after(iteration):
    """A checkpoint at every iteration; after that of a given one SIGKILL."""

    def prepare():
        often()
        write = checkpoint_hook.WholeCheckpointHook._write

        def last(self, runner, epoch, done):
            write(self, runner, epoch, done)
            if done == iteration:
                os.killpg(os.getpgid(0), signal.SIGKILL)

        checkpoint_hook.WholeCheckpointHook._write = last

    return prepare


def done(words, output):
    """Train to the end; what was said."""
    run = Run(words, output)
    assert run.status == 0, run.said
    assert sorted(path.name for path in output.iterdir()) == [
        *(".training.lock", "config.py", "detector.json", "head.json", "training.json", "weights.pth")
    ]
    return run.said


def same(a, b):
    """The weights of two folders, read by torch, bit by bit."""
    first, second = (torch.load(folder / "weights.pth", weights_only=True) for folder in (a, b))
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def whole(given, tmp_path_factory):
    """Two epochs without an interruption."""
    output = tmp_path_factory.mktemp("whole") / "out"
    assert "training starts" in done((*given, *TWO_EPOCHS), output)
    return output


@pytest.fixture(scope="module")
def killed(given, tmp_path_factory):
    """What a kill after seven of ten iterations leaves: checkpoints of six and of seven."""
    output = tmp_path_factory.mktemp("killed") / "out"
    run = Run((*given, *TWO_EPOCHS), output, dying_after(7))
    assert run.status == -signal.SIGKILL, run.said
    assert [path.name[:14] for path in checkpoints(output)] == ["iter_000000006", "iter_000000007"]
    return output


def checkpoints(output):
    return sorted((output / "checkpoints").glob("iter_*.pth"))


def truncated(older, newer):
    newer.write_bytes(newer.read_bytes()[:-1000])
    return [newer], "iter_000000006"


def emptied(older, newer):
    newer.write_bytes(b"")
    return [newer], "iter_000000006"


def flipped(older, newer):
    content = bytearray(newer.read_bytes())
    content[len(content) // 2] ^= 1
    newer.write_bytes(content)
    return [newer], "iter_000000006"


def deleted(older, newer):
    newer.unlink()
    return [], "iter_000000006"


def older_is_garbage(older, newer):
    older.write_bytes(random.Random(1).randbytes(5000))
    return [], "iter_000000007"


def both(older, newer):
    return [*truncated(older, newer)[0], *emptied(newer, older)[0]], None


def half_written(older, newer):
    (newer.parent / "partial.pth").write_bytes(newer.read_bytes()[:9999])
    return [], "iter_000000007"


def older_program(older, newer):
    """What mmengine's own hook leaves when it is killed: a name of nothing."""
    (newer.parent / "last_checkpoint").write_text(str(newer.parent / "epoch_1.pth"))
    return [], "iter_000000007"


def record_cut_off(older, newer):
    record = newer.parent / "training.json"
    record.write_text(record.read_text()[:30])
    return [record], None


DAMAGES = [
    *(truncated, emptied, flipped, deleted, older_is_garbage, both, half_written, older_program, record_cut_off),
]


@pytest.mark.parametrize("damage", [truncated, both])
def test_a_damaged_checkpoint(given, whole, killed, tmp_path, damage):
    check_damage(given, whole, killed, tmp_path, damage)


@pytest.mark.long
@pytest.mark.parametrize("damage", [damage for damage in DAMAGES if damage not in (truncated, both)])
def test_other_damages(given, whole, killed, tmp_path, damage):
    check_damage(given, whole, killed, tmp_path, damage)


def check_damage(given, whole, killed, tmp_path, damage):
    output = tmp_path / "out"
    shutil.copytree(killed, output)
    named, start = damage(*checkpoints(output))
    said = done((*given, *TWO_EPOCHS), output)
    assert (f"training resumes from its last checkpoint ({start}-" if start else "training starts") in said
    damaged = [line for line in said.splitlines() if "is damaged" in line]
    assert {line.partition(": ")[0] for line in damaged} == {str(path) for path in named}
    assert same(output, whole)


def test_within_an_epoch_with_persistent_workers(given, tmp_path):
    """They get each sample's seed, whatever their number, and however they came to it."""
    words = (*given, *TWO_EPOCHS, "--workers")
    run = Run((*words, 2), tmp_path / "killed", dying_after(7))
    assert run.status == -signal.SIGKILL, run.said
    assert "iter_000000007" in done((*words, 2), tmp_path / "killed")
    done((*words, 1), tmp_path / "one")
    assert same(tmp_path / "killed", tmp_path / "one")


def test_within_the_last_epoch_of_a_limited_training(given, tmp_path):
    words = (*given, *TWO_EPOCHS, "--iterations", 8)
    run = Run(words, tmp_path / "killed", dying_after(7))
    assert run.status == -signal.SIGKILL, run.said
    assert "iter_000000007" in done(words, tmp_path / "killed")
    done(words, tmp_path / "whole")
    assert same(tmp_path / "killed", tmp_path / "whole")


def kill_until_done(words, output, seed, kills, in_writing):
    """Kill a training again and again, at random moments or within a checkpoint's writing; then let it end.

    Returns:
        (kill, what lay there) of each.
    """
    draw, table = random.Random(seed), []
    for kill in range(kills):
        run = Run(words, output, slowly)
        if in_writing:
            for _ in range(draw.randint(1, 2)):
                run.wait_for(run.partial.exists)
                time.sleep(draw.uniform(0, WINDOW))
        else:
            time.sleep(draw.uniform(0, 4))
        if run.kill() == 0:
            break  # it had ended
        names = {path.name for path in (output / "checkpoints").glob("*.pth")}
        table.append((kill, "partial.pth" in names, len(names - {"partial.pth"})))
    return table


def test_kills_within_a_checkpoints_writing(given, whole, tmp_path):
    table = kill_until_done((*given, *TWO_EPOCHS), tmp_path / "out", 1, 3, in_writing=True)
    done((*given, *TWO_EPOCHS), tmp_path / "out")
    assert same(tmp_path / "out", whole)
    assert any(partial for _, partial, _ in table)


@pytest.mark.long
@pytest.mark.parametrize("in_writing", [True, False])
def test_forty_kills(given, whole, tmp_path, in_writing):
    """Of twenty within a checkpoint's writing, twelve at least find it half done: before its name, or the older's end."""
    tables = []
    for seed in range(4):
        output = tmp_path / str(seed)
        tables += kill_until_done((*given, *TWO_EPOCHS), output, seed, 6, in_writing)
        done((*given, *TWO_EPOCHS), output)
        assert same(output, whole)
    print(f"{len(tables)} kills (number in the training, half-written, whole checkpoints):", tables)
    assert len(tables) >= 20
    if in_writing:
        assert sum(partial or count > 2 for _, partial, count in tables) >= 12
