"""Trainings that are killed, ended, or robbed of checkpoints: run again, their weights are those of one that was not.

Each runs as a process of its own, forked from this one, which has mmdet imported; what makes it write often or slowly,
or kill itself, is put into that process alone.
"""

import contextlib
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
from running.command import ROOT, wait_for
from running.detector import SMALL_ANCHORS
from running.results import names_in
from running.state import like_a_new_process

torch = pytest.importorskip("torch")

from filelock import FileLock
from mmengine.fileio.backends import LocalBackend
from yapf.yapflib import yapf_api

from anchorprune.cli import main
from anchorprune.detectors.mmdet.config import compose
from anchorprune.detectors.mmdet.training import checkpoint_hook
from anchorprune.detectors.mmdet.training import train as training
from anchorprune.detectors.mmdet.training.ranks import run_ranks
from anchorprune.detectors.mmdet.training.runner import prepare_start, run
from anchorprune.errors import UserError
from anchorprune.report.data.training_log import read_losses

DEMO = ROOT / "config/detectors/ssd_demo.py"
FORK = multiprocessing.get_context("fork")
TWO_EPOCHS = ("--epochs", 2)  # ten iterations
WINDOW = 0.3  # seconds that a slow checkpoint takes


@pytest.fixture(scope="module")
def given(forty_scenes):
    """The arguments of a training on them."""
    (forty_scenes / "anchors.json").write_text(json.dumps(SMALL_ANCHORS))
    return (
        *("train", DEMO, "--name", "few", "--anchors", forty_scenes / "anchors.json", "--seed", 3),
        *("--annotations", forty_scenes / "train.json", "--images", forty_scenes / "images/train"),
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
        self.log.write_text("")
        self.process = FORK.Process(target=self._live, args=(words, prepare))
        self.process.start()

    def _live(self, words, prepare):
        os.setsid()
        with self.log.open("w") as log:
            for descriptor in (1, 2):
                os.dup2(log.fileno(), descriptor)
        sys.stdout = sys.stderr = os.fdopen(2, "w", buffering=1)
        yapf_api.FormatCode = lambda text, **_: (text, True)  # each checkpoint holds a config, dearly made pretty
        prepare()
        with like_a_new_process():
            status = main([str(word) for word in (*words, "--output", self.output)])
            sys.stderr.flush()
            # Nothing is put back: OpenCV would wait for its threads, which a forked process has not.
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
        """Wait for its end: its exit status. (`join` waits for what it started, too.)"""
        deadline = time.monotonic() + 300
        while self.process.exitcode is None:
            assert time.monotonic() < deadline, self.said
            time.sleep(0.01)
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
    assert names_in(output) == [
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


class Forged:
    """Unpickled, it makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def forged(older, newer):
    content = torch.load(newer, weights_only=False) | {"more": Forged(str(newer.parents[2] / "unpickled"))}
    torch.save(content, newer)
    digest = hashlib.sha256(newer.read_bytes()).hexdigest()
    return [newer.rename(newer.with_name(f"iter_000000007-{digest[:16]}.pth"))], "iter_000000006"


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
    *(emptied, flipped, deleted, older_is_garbage, both, forged, half_written, older_program),
    record_cut_off,
]


def test_a_damaged_checkpoint(given, whole, killed, tmp_path):
    check_damage(given, whole, killed, tmp_path, truncated)


@pytest.mark.parametrize("again", [(), pytest.param((8, 9), marks=pytest.mark.long)])
def test_the_log_of_one_that_went_on_has_its_beginning(given, whole, killed, tmp_path, again):
    """As of one without an interruption; `again`: killed after these iterations too."""
    output = tmp_path / "out"
    shutil.copytree(killed, output)
    for iteration in again:
        run = Run((*given, *TWO_EPOCHS), output, dying_after(iteration))
        assert run.status == -signal.SIGKILL, run.said
    done((*given, *TWO_EPOCHS), output)
    logs = {}
    for name, log in (("whole", whole.with_suffix(".log")), ("resumed", output.with_suffix(".log"))):
        (tmp_path / name).mkdir()
        shutil.copy(log, tmp_path / name / "train.log")
        logs[name] = read_losses(tmp_path / name)
    assert logs["resumed"].at == logs["whole"].at == [1.0, 2.0]
    assert logs["resumed"].loss[0] == logs["whole"].loss[0]
    assert not logs["resumed"].begins_late


@pytest.mark.long
@pytest.mark.parametrize("damage", DAMAGES)
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
    assert "Could not safely load" not in said  # mmengine's word for unpickling all that is there
    assert not (tmp_path / "unpickled").exists()


@pytest.mark.long
def test_within_an_epoch_with_persistent_workers(given, tmp_path):
    """They get each sample's seed, whatever their number, and however they came to it."""
    words = (*given, *TWO_EPOCHS, "--workers")
    run = Run((*words, 2), tmp_path / "killed", dying_after(7))
    assert run.status == -signal.SIGKILL, run.said
    assert "iter_000000007" in done((*words, 2), tmp_path / "killed")
    done((*words, 1), tmp_path / "one")
    assert same(tmp_path / "killed", tmp_path / "one")


@pytest.mark.long
@pytest.mark.parametrize(
    ("more", "start"),
    [
        (("--iterations", 8), "iter_000000007"),
        (("--anchor-dropout", "{}"), "iter_000000007"),
        (("--option", "optim_wrapper.accumulative_counts=2"), "iter_000000006"),  # seven have one's gradients
    ],
)
def test_within_the_last_epoch_of_others(given, tmp_path, more, start):
    words = (*given, *TWO_EPOCHS, *more)
    run = Run(words, tmp_path / "killed", dying_after(7))
    assert run.status == -signal.SIGKILL, run.said
    assert start in done(words, tmp_path / "killed")
    done(words, tmp_path / "whole")
    assert same(tmp_path / "killed", tmp_path / "whole")


def kill_often(words, output, seed, kills, in_writing):
    """Kill a training again and again, at random moments or within a checkpoint's writing.

    Returns:
        For each kill its seconds after the start, what the training was at, and how many checkpoints it left.
    """
    draw, table = random.Random(seed), []
    for _ in range(kills):
        started, run = time.monotonic(), Run(words, output, slowly)
        if in_writing:
            run.wait_for(lambda run=run: ": training " in run.said)
            for _ in range(draw.randint(1, 2)):
                run.wait_for(run.partial.exists)
                time.sleep(draw.uniform(0, WINDOW))
        else:
            time.sleep(draw.uniform(0, 6))
        moment = time.monotonic() - started
        if run.kill() == 0:
            break  # it had ended
        begun, whole = ": training " in run.said, len(checkpoints(output))
        writing = begun and (run.partial.exists() or whole > 2)
        table.append((round(moment, 2), "writing" if writing else "training" if begun else "starting", whole))
    return table


@pytest.mark.long
def test_kills_within_a_checkpoints_writing(given, whole, tmp_path):
    table = kill_often((*given, *TWO_EPOCHS), tmp_path / "out", 1, 3, in_writing=True)
    done((*given, *TWO_EPOCHS), tmp_path / "out")
    assert same(tmp_path / "out", whole)
    assert any(at == "writing" for _, at, _ in table)


@pytest.mark.long
@pytest.mark.parametrize("in_writing", [True, False])
def test_forty_kills(given, whole, tmp_path, in_writing):
    """Of twenty within a checkpoint's writing, twelve or more find one half done: without a name, or one too many."""
    tables, enough = [], 20 if in_writing else 12
    for seed in range(12):  # as many trainings as it takes: a fast machine ends one before five kills
        if seed >= 4 and len(tables) >= enough:
            break
        output = tmp_path / str(seed)
        tables += kill_often((*given, *TWO_EPOCHS), output, seed, 5, in_writing)
        done((*given, *TWO_EPOCHS), output)
        assert same(output, whole)
    print(f"{len(tables)} kills (seconds, at what, whole checkpoints left):", tables)
    assert len(tables) >= enough
    if in_writing:
        assert sum(at == "writing" for _, at, _ in tables) >= 12


@pytest.mark.long
@pytest.mark.parametrize(
    ("sent", "status", "more"),
    [(signal.SIGTERM, 143, ("--workers", 1)), (signal.SIGINT, 130, ())],
)
def test_a_signal_ends_it_in_a_line(given, whole, tmp_path, sent, status, more):
    """As batch systems and terminals send it: to the processes of its group."""
    words, output = (*given, *TWO_EPOCHS, *more), tmp_path / "out"
    run = Run(words, output, slowly)
    run.wait_for(lambda: len(checkpoints(output)) == 2 and run.partial.exists())
    started = time.monotonic()
    os.killpg(run.process.pid, sent)
    assert run.status == status, run.said
    assert time.monotonic() - started < 20
    assert run.said.splitlines()[-1] == f"anchorprune: interrupted by {sent.name}; run the same command again to go on"
    assert "Traceback" not in run.said
    assert "Error" not in run.said
    assert not run.partial.exists()
    assert len(checkpoints(output)) == 2
    with FileLock(output / ".training.lock", timeout=0):
        pass
    assert "training resumes" in done(words, output)
    assert more or same(output, whole)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of a given size: `resize(megabytes)`."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options):
        return subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
        )

    if shutil.which("mount") is None or mount("size=1m").returncode:
        pytest.skip("mounting a small disk is not permitted here")
    yield folder, lambda size: mount(f"remount,size={size}").check_returncode()
    subprocess.run(["umount", folder], check=True)


def check_full(run, start):
    """A training ended in one line about the disk, which is returned."""
    assert run.status == 2, run.said
    line = run.said.splitlines()[-1]
    assert line.startswith(f"anchorprune: error: {start}")
    assert "free some of the disk and run this again" in line
    assert "Traceback" not in run.said
    return line


@pytest.mark.long
def test_a_full_disk_ends_it_in_a_line(given, whole, small_disk):
    disk, resize = small_disk
    output, words = disk / "out", (*given, *TWO_EPOCHS)
    for size, kept in (("1m", 0), ("16m", 1), ("30m", 2)):
        resize(size)
        run = Run(words, output, often)
        check_full(run, f"{output / 'checkpoints'}: cannot write here (No space")
        assert not run.partial.exists()
        assert len(checkpoints(output)) == kept
    resize("64m")
    done(words, output)
    assert same(output, whole)


@pytest.mark.long
def test_a_disk_too_full_for_the_result(given, whole, killed, small_disk):
    disk, resize = small_disk
    output, words = disk / "out", (*given, *TWO_EPOCHS)
    resize("64m")
    shutil.copytree(killed, output)

    def filling():
        publish = training._publish

        def fill(*arguments):
            with contextlib.suppress(OSError), (disk / "filler").open("wb") as stream:
                for _ in range(64 * 256 - 300):
                    stream.write(bytes(4096))
                    stream.flush()
            (disk / "filler").open("r+b").truncate((disk / "filler").stat().st_size - 2_000_000)
            publish(*arguments)

        training._publish = fill

    run = Run(words, output, filling)
    line = check_full(run, f"{output}")
    assert "cannot write here (No space left on device); free some of the disk and run this again" in line
    assert len(checkpoints(output)) == 2
    assert names_in(output) == [".training.lock", "checkpoints", "config.py"]
    (disk / "filler").unlink()
    assert "iter_000000010" in done(words, output)
    assert same(output, whole)


def _train_two(text, folder, end):
    """One of two processes; the first kills itself after a number of iterations."""
    from mmengine.config import Config

    os.setsid()
    rank = torch.distributed.get_rank()
    dying_after(end if rank == 0 else None)()
    model = run(Config.fromstring(text, ".py"), folder / "checkpoints", 3, 2)
    torch.save(model.state_dict(), folder / f"{rank}.pth")


@pytest.mark.long
def test_two_processes_within_an_epoch(forty_scenes, tmp_path):
    """Each goes on with its own random numbers and its own batch norms' statistics."""

    def cfg(folder):
        made = compose.read_config(DEMO)
        compose.set_anchors(made, SMALL_ANCHORS["strides"], SMALL_ANCHORS["levels"])
        compose.set_classes(made, ["ellipse", "rectangle", "triangle"])
        compose.set_training_data(made, forty_scenes / "train.json", forty_scenes / "images/train")
        made.train_cfg.max_epochs = 2
        (tmp_path / folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        prepare_start(made, tmp_path / folder / "checkpoints", None)
        return made.pretty_text

    run_ranks(_train_two, (cfg("whole"), tmp_path / "whole", None), 2)
    with pytest.raises(UserError, match=r"was ended by SIGKILL|ended with status"):
        run_ranks(_train_two, (cfg("killed"), tmp_path / "killed", 5), 2)
    text = cfg("killed")
    assert "iter_000000005" in text
    run_ranks(_train_two, (text, tmp_path / "killed", None), 2)
    for rank in (0, 1):
        first, second = (torch.load(tmp_path / name / f"{rank}.pth") for name in ("whole", "killed"))
        assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.long
@pytest.mark.parametrize("end", [os.killpg, os.kill])
def test_a_signal_ends_two_processes(given, tmp_path, end):
    """The whole command, as a batch system ends it: with all its processes, or its first one alone."""
    words, output = (*given, "--epochs", 20, "--processes", 2), tmp_path / "out"
    command = [sys.executable, "-m", "anchorprune", *map(str, words), "--output", str(output)]
    with (tmp_path / "log").open("w") as log:
        parent = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, start_new_session=True)
        wait_for(output / "checkpoints/iter_*.pth", parent, tmp_path / "log")
        children = psutil.Process(parent.pid).children(recursive=True)
        end(parent.pid, signal.SIGTERM)
        assert parent.wait(30) == 143
    said = (tmp_path / "log").read_text()
    assert said.splitlines()[-1].startswith("anchorprune: interrupted by SIGTERM; run the same")
    assert "Traceback" not in said
    assert not psutil.wait_procs(children, timeout=10)[1]
