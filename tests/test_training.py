"""Trainings of a few iterations: their limit, mixed precision, backbones, several processes."""

import json
import logging
import multiprocessing
import os
import signal
import time

import psutil
import pytest
from running.command import ROOT
from running.detector import SMALL_ANCHORS
from running.trainings import killed_parent, same, torch_put_back, train_one_of_two

torch = pytest.importorskip("torch")

from anchorprune.detectors.foreign import Foreign
from anchorprune.detectors.mmdet.config import compose
from anchorprune.detectors.mmdet.training.ranks import run_ranks
from anchorprune.detectors.registry import backend
from anchorprune.detectors.training import Recipe, Training, check_boxes
from anchorprune.errors import UserError

DEMO = ROOT / "config/detectors/ssd_demo.py"


@pytest.fixture
def train(forty_scenes, tmp_path, caplog):
    """Train the demo's SSD in this process; the weights, and what was logged."""
    caplog.set_level(logging.INFO, "anchorprune")
    anchors = tmp_path / "anchors.json"
    anchors.write_text(json.dumps(SMALL_ANCHORS))

    def run(name, config=DEMO, **recipe):
        caplog.clear()
        annotations, output = forty_scenes / "train.json", tmp_path / name
        foreign = Foreign(str(config), "few", None, anchors)
        classes = check_boxes(annotations)[2]
        training = Training(
            annotations, forty_scenes / "images/train", classes, output, Recipe(**recipe), seed=3, threads=1
        )
        backend("mmdet").train(foreign, training)
        return torch.load(output / "weights.pth", weights_only=True), caplog.text

    with torch_put_back():
        yield run


@pytest.mark.long
def test_iterations_are_the_first_of_the_training_without_the_limit(train):
    whole, log = train("whole", epochs=2)
    assert "80 images in " in log
    assert "images/s on 1 x CPU, 1 threads" in log
    limited, log = train("limited", epochs=2, iterations=10)
    assert "80 images in " in log
    assert same(limited, whole)
    seven, log = train("seven", epochs=2, iterations=7)
    assert "56 images in " in log
    assert not same(seven, whole)
    _, log = train("more", epochs=1, iterations=100)
    assert "40 images in " in log


def test_repeats_make_an_epoch_longer(train):
    _, log = train("repeated", epochs=1, repeats=2)
    assert "80 images in " in log


@pytest.mark.long
def test_mixed_precision_on_the_cpu_is_bfloat16(train, tmp_path):
    plain, log = train("plain", iterations=3)
    assert "bfloat16" not in log
    mixed, log = train("mixed", iterations=3, amp=True)
    assert "mixed precision: bfloat16, as there is no GPU here" in log
    assert not same(mixed, plain)
    for name, value in plain.items():
        assert mixed[name].dtype == value.dtype
        torch.testing.assert_close(mixed[name], value, atol=0.05, rtol=0.05)
    assert "AmpOptimWrapper" in (tmp_path / "mixed/config.py").read_text()  # for any machine
    with pytest.raises(UserError, match=r"the loss is (nan|inf) at epoch"):
        train("broken", iterations=5, amp=True, learning_rate=1e30)


@pytest.mark.long
def test_a_backbone_starts_from_a_file(train, tmp_path):
    state = {n.removeprefix("backbone."): v for n, v in train("first", iterations=1)[0].items() if "backbone." in n}
    state = {name: value + 0.5 if name.endswith("conv1.weight") else value for name, value in state.items()}
    torch.save({"state_dict": {**state, "fc.weight": torch.zeros(2, 2)}}, tmp_path / "resnet.pth")
    still = {"iterations": 1, "learning_rate": 1e-12, "backbone_weights": str(tmp_path / "resnet.pth")}
    weights, log = train("second", **still)
    assert f"{tmp_path / 'resnet.pth'} has more than a backbone, which is left out: fc.weight" in log
    torch.testing.assert_close(weights["backbone.conv1.weight"], state["conv1.weight"], atol=1e-6, rtol=0)
    name = "layer1.0.conv2.weight"
    torch.testing.assert_close(weights[f"backbone.{name}"], state[name], atol=1e-6, rtol=0)
    _, log = train("second", **still)
    assert "this training is finished already" in log
    torch.save({**state, name: state[name] + 1}, tmp_path / "resnet.pth")
    weights, _ = train("second", **still)  # the file is part of what the training is
    torch.testing.assert_close(weights[f"backbone.{name}"], state[name] + 1, atol=1e-6, rtol=0)


@pytest.mark.long
def test_processes_that_train_together_agree(forty_scenes, tmp_path):
    cfg = compose.read_config(DEMO)
    compose.set_anchors(cfg, SMALL_ANCHORS["strides"], SMALL_ANCHORS["levels"])
    compose.set_classes(cfg, ["ellipse", "rectangle", "triangle"])
    compose.set_training_data(cfg, forty_scenes / "train.json", forty_scenes / "images/train")
    cfg.train_cfg.max_epochs = 1
    run_ranks(train_one_of_two, (cfg.pretty_text, tmp_path), 2)
    first, second = (torch.load(tmp_path / f"{rank}.pth", weights_only=True) for rank in (0, 1))
    assert same(first, second)
    assert len(list((tmp_path / "checkpoints").glob("iter_*.pth"))) == 1


def _fail_alone(folder):
    """One of two processes fails while the other waits for it."""
    from torch import distributed

    rank = distributed.get_rank()
    total = torch.tensor([rank + 1])
    distributed.all_reduce(total)
    (folder / f"{rank}.txt").write_text(f"{total.item()} {os.getpid()}")
    if rank == 1:
        raise UserError("the second process has a reason")
    distributed.barrier()


def _die_alone(folder):
    from torch import distributed

    (folder / f"{distributed.get_rank()}.txt").write_text(f"3 {os.getpid()}")
    distributed.barrier()
    if distributed.get_rank() == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    distributed.barrier()
    time.sleep(60)


@pytest.mark.parametrize(
    ("target", "line"),
    [
        (_fail_alone, "^the second process has a reason$"),
        (_die_alone, "training: process [01] (was ended by SIGKILL|ended with status 1); what it printed is above"),
    ],
)
def test_one_process_that_fails_ends_all(tmp_path, target, line):
    with pytest.raises(UserError, match=line):
        run_ranks(target, (tmp_path,), 2)
    for rank in (0, 1):
        total, process = map(int, (tmp_path / f"{rank}.txt").read_text().split())
        assert total == 3
        assert not psutil.pid_exists(process)
    assert not multiprocessing.active_children()


@pytest.mark.long
def test_a_killed_training_of_two_processes_leaves_none_and_resumes(forty_scenes, run_command, tmp_path):
    """The parent alone is killed, as a batch system or a lack of memory would."""
    (tmp_path / "anchors.json").write_text(json.dumps(SMALL_ANCHORS))
    arguments = [
        *("train", DEMO, "--name", "few", "--anchors", tmp_path / "anchors.json", "--epochs", 3, "--processes", 2),
        *("--annotations", forty_scenes / "train.json", "--images", forty_scenes / "images/train"),
    ]
    killed = tmp_path / "killed"
    children = killed_parent(arguments, killed, tmp_path / "log")
    assert len(children) >= 2
    assert not psutil.wait_procs(children, timeout=15)[1]
    assert not (killed / "weights.pth").exists()
    resumed = run_command(*arguments, "--output", killed)
    assert resumed.status == 0, resumed.err
    assert "resumes from its last checkpoint" in resumed.err
    assert "learning rate 0.0015 at base batch 8 becomes 0.003 at batch 16 (8 on each of 2)" in resumed.err
    whole = run_command(*arguments, "--output", tmp_path / "whole")
    a, b = (torch.load(f / "weights.pth", weights_only=True) for f in (tmp_path / "whole", killed))
    assert same(a, b), whole.err
    again = run_command(*arguments, "--output", killed)
    assert "this training is finished already" in again.err
