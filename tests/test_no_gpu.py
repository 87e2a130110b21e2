"""Commands that need no GPU touch none, on a machine that has one: none is lent to them, and torch looks at none."""

import json
import os

import pytest
from running import nvidia_smi
from running.untrained import of_images, write_untrained

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.long  # a minute or more of mmdet's networks

# In a folder with the untrained detector, a layout, and a few images of the scenes
COMMANDS = {
    "slice": "detector layout.json --output out",
    "show": "detector detector data/images/prune/prune-000001.png --output out",
    "publish": (
        "detector --layout layout.json --head detector/head.json --evaluation evaluated --full-evaluation evaluated "
        "--dataset data/dataset.json --output out"
    ),
    "convert": "detector/config.py detector/weights.pth --output out",
    "convert --back": "detector/config.py detector/weights.pth --output out",
    "init": (
        "mine --config detector/config.py --weights detector/weights.pth --annotations few.json "
        "--images data/images/prune"
    ),
    "deploy": "detector --output out",
    "latency": "detector --images data/images/prune --count 1 --rounds 1 --output latency.json",
    "evaluate": "detector few.json data/images/prune --device cpu --output out",
    "predict": "detector few.json data/images/prune --device cpu --output p.parquet",
}
EXPORTING = ("deploy", "latency")


@pytest.fixture(scope="module")
def evaluated(forty_scenes, made_once, run_command, tmp_path_factory):
    folder, split = tmp_path_factory.mktemp("evaluated"), forty_scenes / "test.json"
    images = forty_scenes / "images/test"
    done = run_command("evaluate", made_once("untrained", write_untrained), split, images, "--output", folder)
    assert done.status == 0, done.err
    return folder


@pytest.fixture
def place(forty_scenes, made_once, evaluated, tmp_path):
    folders = {"detector": made_once("untrained", write_untrained), "data": forty_scenes, "evaluated": evaluated}
    for name, folder in folders.items():
        (tmp_path / name).symlink_to(folder)
    (tmp_path / "layout.json").write_text(json.dumps({"version": 1, "head": "PrunableSSDHead", "kept": [0, 2, 6]}))
    of_images(forty_scenes / "prune.json", 2, tmp_path / "few.json")
    return tmp_path


@pytest.fixture
def gpu(tmp_path, monkeypatch):
    """A machine with a GPU, as far as nvidia-smi and torch say; whoever uses it is noticed. The folder of its locks."""
    nvidia_smi.say(tmp_path, monkeypatch, "GPU-a")
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    for name in ("XDG_RUNTIME_DIR", "TMPDIR"):
        monkeypatch.setenv(name, str(runtime))
    for name in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID"):
        monkeypatch.delenv(name, raising=False)

    def used():
        raise RuntimeError("a GPU was used")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: os.environ.get("CUDA_VISIBLE_DEVICES") != "")
    monkeypatch.setattr(torch.cuda, "_lazy_init", used)
    return runtime


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if name in EXPORTING else ()) for name in COMMANDS]
)
def test_no_gpu_is_touched(place, gpu, run_command, name):
    command, *options = name.split()
    done = run_command(command, *COMMANDS[name].split(), *options, cwd=place)
    assert done.status == (2 if name == "convert --back" else 0), done.err  # mmdet has no form for these anchors
    assert not list(gpu.rglob("*.lock"))


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_who_uses_one_is_noticed(place, gpu, run_command, device):
    done = run_command("predict", *COMMANDS["predict"].replace("cpu", device).split(), cwd=place)
    assert done.status != 0
    assert "a GPU was used" in done.err
    assert [lock.name for lock in gpu.rglob("GPU-*.lock")] == ["GPU-a.lock"]
