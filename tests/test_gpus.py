"""GPUs lent one by one: a list as nvidia-smi gives it, real lock files, real processes."""

import json
import os
import re
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from oracles.generate import make
from oracles.reference import coco_dict
from running import nvidia_smi
from running.command import ROOT

from anchorprune.errors import UserError
from anchorprune.pipeline import gpus

CHOOSE = """
import logging, os, sys
from anchorprune.pipeline.gpus import choose_devices
logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
if os.geteuid() == 0 and len(sys.argv) > 2:
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
choose_devices(int(sys.argv[1]))
print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
sys.stdin.read()
"""
NOBODY = 54321  # a user without name, home or rights


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with three GPUs, as far as nvidia-smi says."""
    asked = '"$1 $2" = "--query-gpu=uuid --format=csv,noheader"'
    nvidia_smi.say(tmp_path, monkeypatch, "GPU-a", "GPU-b", "GPU-c", asked=asked)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def start():
    """Start a process that takes GPUs and keeps them until its standard input ends."""
    started = []

    def run(count, *user, **environment):
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", CHOOSE, str(count), *map(str, user)]
        env = {**os.environ, **environment}
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=env))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_what_there_is(machine, monkeypatch):
    assert gpus.find_gpus() == ("GPU-a", "GPU-b", "GPU-c")
    for visible, found in (("1", ("1",)), ("2,0", ("2", "0")), ("", ()), ("-1", ()), ("GPU-b", ("GPU-b",))):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert gpus.find_gpus() == found


def test_no_driver_no_gpu(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.find_gpus() == ()
    gpus.choose_devices()
    assert "CUDA_VISIBLE_DEVICES" not in os.environ  # torch may know better
    with pytest.raises(UserError, match=r"--gpus 1: there are 0 GPUs here; ask for no more, or train on the CPU"):
        gpus.choose_devices(1)


def test_each_process_has_its_own_until_it_ends(machine, start):
    first = start(1)
    assert first.stdout.readline() == "GPU-a\n"
    second = start(2)
    assert second.stdout.readline() == "GPU-b,GPU-c\n"
    third, fourth = start(1), start(3)
    for waiting in (third, fourth):
        assert "other processes have them; waiting" in waiting.stderr.readline()
    second.kill()  # however it ends
    assert third.stdout.readline() == "GPU-b\n"
    first.communicate()
    third.communicate()
    assert fourth.stdout.readline() == "GPU-a,GPU-b,GPU-c\n"


def test_a_clusters_choice_is_kept(machine, start):
    """Two jobs of a machine that Slurm numbers from 0 each do not wait for one another; processes of one job do."""
    job = {"CUDA_VISIBLE_DEVICES": "0", "SLURM_JOB_ID": "71"}
    first, other = start(1, **job), start(1, **{**job, "SLURM_JOB_ID": "72"})
    assert (first.stdout.readline(), other.stdout.readline()) == ("0\n", "0\n")
    assert "waiting" in start(1, **job).stderr.readline()


def test_too_many(machine, monkeypatch):
    with pytest.raises(UserError, match="--gpus 4: there are 3 GPUs here; ask for no more"):
        gpus.choose_devices(4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    with pytest.raises(UserError, match=r"--gpus 2: there are 1 GPUs here \(CUDA_VISIBLE_DEVICES is '2'\)"):
        gpus.choose_devices(2)
    with pytest.raises(UserError, match="--gpus and --processes exclude each other"):
        gpus.choose_devices(1, 1)


def test_processes_of_the_cpu_see_no_gpu(machine, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    gpus.choose_devices(processes=2)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


@pytest.fixture
def shared_tmp(monkeypatch):
    """Temporary files of all users, as /tmp is: another user's folders may be there already."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o1777)
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(folder)


def user_of(process):
    return int(re.search(r"^Uid:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text(), re.M)[1])


@pytest.mark.parametrize("runtime", ["/run/user/54321", "/proc/1/anchorprune", "/"], ids=["missing", "none", "root's"])
@pytest.mark.parametrize("job", [{}, {"SLURM_JOB_ID": "7"}], ids=["no job", "job"])
def test_a_user_whose_runtime_folder_is_not_here(machine, start, shared_tmp, runtime, job):
    """As on a compute node, which hears of the login node's; and of another's, after `su`."""
    processes = [start(1, NOBODY, XDG_RUNTIME_DIR=runtime, CUDA_VISIBLE_DEVICES="0,1", **job) for _ in range(2)]
    assert sorted(process.stdout.readline() for process in processes) == ["0\n", "1\n"]
    (place,) = shared_tmp.iterdir()
    assert place.name == f"anchorprune-{user_of(processes[0])}"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert [path.name for path in place.iterdir()] == ["gpus7" if job else "gpus"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's folder")
@pytest.mark.parametrize("planted", ["a folder", "a link", "writable by all"])
def test_a_folder_that_another_has_planted(machine, start, shared_tmp, tmp_path, planted):
    place = shared_tmp / f"anchorprune-{NOBODY}"
    if planted == "a link":
        tmp_path.chmod(0o777)
        place.symlink_to(tmp_path)
    else:
        place.mkdir()
        place.chmod(0o777)
        os.chown(place, *(2 * [NOBODY if planted == "writable by all" else NOBODY + 1]))
    done = start(1, NOBODY, XDG_RUNTIME_DIR="/run/user/54321", CUDA_VISIBLE_DEVICES="0")
    error = done.communicate()[1]
    assert f"UserError: {place}: cannot keep locks here (no folder of this user alone); set TMPDIR" in error


def test_another_temporary_folder_is_taken(machine, start, shared_tmp, tmp_path):
    """Where the folder for locks is a file; and the remedy that the error names helps."""
    (shared_tmp / f"anchorprune-{os.geteuid()}").write_text("in the way")
    job = {"CUDA_VISIBLE_DEVICES": "0", "SLURM_JOB_ID": "7"}
    assert "set TMPDIR to another folder" in start(1, **job).communicate()[1]
    assert start(1, **job, TMPDIR=str(tmp_path)).stdout.readline() == "0\n"


def test_no_torch_is_needed():
    program = "import sys; sys.modules['torch'] = None; from anchorprune.pipeline import gpus, resources"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_gpus_that_torch_cannot_use(machine, run_command, tmp_path):
    """As with a torch built without CUDA, or a driver too old for it."""
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("torch has a GPU here")
    text = run_command("doctor").json["GPU"]["text"]
    assert text.startswith("GPU-a, GPU-b, GPU-c cannot be used by torch")
    annotations = tmp_path / "a.json"
    annotations.write_text(json.dumps(coco_dict(make(1, images=2, boxes=2)[0])))
    done = run_command(
        *("retrain", ROOT / "config/detectors/ssd_demo.py", "--gpus", 2, "--annotations", annotations, "--images", "."),
        *("--output", tmp_path / "out"),
    )
    assert done.status == 2
    assert "--gpus 2: this torch sees no GPU" in done.error_line
