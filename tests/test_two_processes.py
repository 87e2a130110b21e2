"""Pruned detectors trained by two processes together: killed, resumed, and with equal weights in both at the end."""

import shutil
from pathlib import Path

import psutil
import pytest
from running.trainings import killed_parent, same, train_one_of_two
from running.untrained import CLASSES, write_untrained

torch = pytest.importorskip("torch")

from oracles.mmdet_detectors import CONFIGS

from anchorprune.detectors.foreign import Foreign
from anchorprune.detectors.mmdet.config import compose
from anchorprune.detectors.mmdet.config.foreign import read_foreign
from anchorprune.detectors.mmdet.folder import write_folder
from anchorprune.detectors.mmdet.model import build, describe
from anchorprune.detectors.mmdet.training.ranks import run_ranks
from anchorprune.detectors.mmdet.training.recipe import set_recipe
from anchorprune.detectors.mmdet.training.runner import prepare_start
from anchorprune.detectors.training import Recipe
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout

pytestmark = pytest.mark.faults
EPOCHS = 2


def write_retinanet(folder: Path) -> Path:
    """RetinaNet with the smallest backbone, for images of 128 pixels."""
    config = CONFIGS / "retinanet/retinanet_r18_fpn_1x_coco.py"
    cfg = read_foreign(Foreign(str(config), "retinanet", None, None))
    compose.set_classes(cfg, CLASSES)
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        for step in loader.dataset.pipeline:
            if step.type == "Resize":
                step.scale = (128, 128)
    model = build(cfg)
    model.init_weights()
    write_folder(folder, cfg, describe(cfg, model), model.state_dict())
    return folder


def kept(head, name):
    """SSD: all but the last level. RetinaNet: another choice on each level, and none on one."""
    level_of = head.level_of_anchor
    if name == "ssd":
        return [i for i in range(head.num_anchors) if level_of[i] != max(level_of)]
    return [i for i in range(head.num_anchors) if level_of[i] != 1 and (i + level_of[i]) % 3]


@pytest.mark.parametrize("name", ["ssd", "retinanet"])
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors is a no-op")
def test_a_layout_without_a_level(name, forty_scenes, run_command, tmp_path):
    full = (write_untrained if name == "ssd" else write_retinanet)(tmp_path / "full")
    head = Head.load(full / "head.json")
    Layout.keep(head, kept(head, name)).save(tmp_path / "layout")
    assert run_command("slice", full, tmp_path / "layout", "--output", tmp_path / "sliced").status == 0
    split = forty_scenes / "train.json", forty_scenes / "images/train"
    recipe = {"epochs": EPOCHS, "batch_size": 4, "learning_rate": 1e-3, "backbone_weights": "none"}
    options = [word for key, value in recipe.items() for word in (f"--{key.replace('_', '-')}", value)]
    words = (
        "retrain",
        tmp_path / "sliced",
        "--processes",
        2,
        "--seed",
        3,
        "--annotations",
        split[0],
        "--images",
        split[1],
        *options,
    )
    killed = tmp_path / "killed"
    children = killed_parent(words, killed, tmp_path / "log")
    assert not psutil.wait_procs(children, timeout=15)[1]
    shutil.copytree(killed / "checkpoints", tmp_path / "ranks/checkpoints")
    resumed = run_command(*words, "--output", killed)
    assert resumed.status == 0, resumed.err
    assert "resumes from its last checkpoint" in resumed.err
    whole = run_command(*words, "--output", tmp_path / "whole")
    assert whole.status == 0, whole.err
    a, b = (torch.load(folder / "weights.pth", weights_only=True) for folder in (tmp_path / "whole", killed))
    assert same(a, b)
    assert set(a) == set(torch.load(tmp_path / "sliced/weights.pth", weights_only=True))

    cfg = compose.read_config(
        tmp_path / "sliced/config.py"
    )  # the same from the same checkpoint, each process's weights
    compose.set_classes(cfg, CLASSES)
    compose.set_training_data(cfg, *split)
    set_recipe(cfg, Recipe(**recipe), 2)
    prepare_start(cfg, tmp_path / "ranks/checkpoints", None)
    assert cfg.resume
    run_ranks(train_one_of_two, (cfg.pretty_text, tmp_path / "ranks"), 2)
    first, second = (torch.load(tmp_path / f"ranks/{rank}.pth", weights_only=True) for rank in (0, 1))
    assert same(first, second)
    assert same(a, first)
