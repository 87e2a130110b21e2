"""On a machine with a GPU: a training in mixed precision, and that CUDA finds what the CPU does. `pytest -m gpu`

On any machine, `pytest -m gpu --device cpu` runs the same at a size that says nothing but that it runs.
"""

import json
import re

import pytest
from oracles.mmdet_detectors import CONFIGS
from running.untrained import of_images

from anchorprune.heads.detections import SplitDetections

pytestmark = pytest.mark.gpu
torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def device(request):
    chosen = request.config.getoption("--device")
    if chosen == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU here that torch can use; --device cpu runs this on the CPU, at a tiny size")
    return chosen


@pytest.fixture(scope="module")
def size(device):
    """Side of SSD's images, epochs and images of BCCD (205 to train on, 87 to test on)."""
    return (300, 60, 1000) if device == "cuda" else (300, 1, 4)


@pytest.fixture(scope="module")
def blood(shared_data, run_command, size, tmp_path_factory):
    """BCCD's splits to train and to test on: annotations and images."""
    folder, root = tmp_path_factory.mktemp("bccd"), shared_data / "bccd"
    images = root / "VOCdevkit/VOC2007/JPEGImages"
    files = {"train": "train", "prune": "val", "test": "test"}
    splits = [(f"--{split}", root / f"annotations/instances_{file}.json", images) for split, file in files.items()]
    done = run_command("dataset", "coco", *(word for split in splits for word in split), "--output", folder)
    assert done.status == 0, done.err
    few = {split: of_images(folder / f"{split}.json", size[2], folder / f"few-{split}.json") for split in files}
    return {split: (file, images) for split, file in few.items()}


@pytest.fixture(scope="module")
def trained(blood, device, size, run_command, tmp_path_factory):
    """SSD300 from scratch in mixed precision; its folder, and what the training said."""
    folder = tmp_path_factory.mktemp("ssd300")
    annotations, images = blood["train"]
    done = run_command(
        *("train", CONFIGS / "ssd/ssd300_coco.py", "--name", "ssd300"),
        *("--annotations", annotations, "--images", images),
        *("--epochs", size[1], "--repeats", 1, "--batch-size", 2 if device == "cpu" else 8, "--amp"),
        *("--backbone-weights", "none", "--learning-rate", 1e-3, "--device", device, "--output", folder),
    )
    assert done.status == 0, done.err
    return folder, done.err


def test_training_in_mixed_precision(trained, device, record_property):
    speed, where = re.search(r"([\d.]+) images/s on 1 x (.*)", trained[1]).groups()
    record_property("images a second", speed)
    print(f"{speed} images/s on {where}")
    assert ("bfloat16" in trained[1]) == (device == "cpu") == where.startswith("CPU")


def test_evaluation_is_that_of_the_cpu(trained, blood, device, run_command, tmp_path):
    """And with images in batches; AP to 1e-4, which is what one box in thousands is worth."""
    found = {}
    for name, options in (("cpu", ["cpu"]), (device, [device]), ("batches", [device, "--batch-size", 8])):
        done = run_command("evaluate", trained[0], *blood["test"], "--output", tmp_path / name, "--device", *options)
        assert done.status == 0, done.err
        found[name] = json.loads((tmp_path / name / "metrics.json").read_text())
        print(name, {key: found[name][key] for key in ("ap", "ap50", "detections")})
    for name in (device, "batches"):
        assert found[name]["ap"] == pytest.approx(found["cpu"]["ap"], abs=1e-4)
        counts = [len(SplitDetections.load(tmp_path / one / "detections.json")) for one in ("cpu", name)]
        assert counts[1] == pytest.approx(counts[0], rel=1e-3)
    if device == "cuda":
        assert found["cuda"]["ap50"] > 0.5
