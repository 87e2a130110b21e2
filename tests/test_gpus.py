"""GPUs lent one by one: a list as nvidia-smi gives it, real lock files, real processes."""

import json
import os
import subprocess
import sys

import pytest
from oracles.generate import make
from oracles.reference import coco_dict
from running.command import ROOT

from anchorprune.errors import UserError
from anchorprune.pipeline import gpus

CHOOSE = """
import logging, os, sys
from anchorprune.pipeline.gpus import choose_devices
logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
choose_devices(int(sys.argv[1]))
print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with three GPUs, as far as nvidia-smi says."""
    smi = tmp_path / "bin/nvidia-smi"
    smi.parent.mkdir()
    asked = '"$1 $2" = "--query-gpu=uuid --format=csv,noheader"'
    smi.write_text(f"#!/bin/sh\n[ {asked} ] || exit 1\nprintf 'GPU-a\\nGPU-b\\nGPU-c\\n'\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{smi.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def start():
    """Start a process that takes GPUs and keeps them until its standard input ends."""
    started = []

    def run(count, **environment):
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", CHOOSE, str(count)]
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


def test_a_folder_that_cannot_be_made(machine, monkeypatch, tmp_path):
    (tmp_path / "anchorprune").write_text("a file where the folder should be")
    with pytest.raises(UserError, match=r"cannot write here .*; set XDG_RUNTIME_DIR"):
        gpus.choose_devices(1)


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
