"""A detector as mmdet's own tools run it: a config with test data, evaluator and visualizer, and weights with names."""

import copy
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict
from torch import Tensor

from anchorprune.detectors.mmdet.config.compose import OWN_KEY, set_test_data
from anchorprune.files import whole_file

# mmengine replaces this by the folder of the config file that it reads.
HERE = "{{ fileDirname }}"


def write_runnable(cfg: Config, state: Mapping[str, Tensor], annotations: Path, images: Path, output: Path) -> None:
    """Write `config.py`, which mmdet's test runner and inferencer take as it is, and `weights.pth` into `output`.

    Args:
        cfg: a detector's complete config.
        state: its weights.
        annotations: COCO annotation file of the test data; recorded relative to `output` if given so.
        images: its image folder; recorded relative to `output` if given so.
        output: folder of the results.
    """
    cfg = runnable_config(cfg, _from(annotations, output), _from(images, output))
    with whole_file(output / "config.py") as partial:
        partial.write_text(cfg.pretty_text)
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    names = {"dataset_meta": {"classes": list(cfg[OWN_KEY].classes)}}  # mmdet's inferencer looks for them here
    with whole_file(output / "weights.pth") as partial:
        torch.save({"meta": names, "state_dict": tensors}, partial)


def runnable_config(cfg: Config, annotations: str, images: str) -> Config:
    """A copy of a complete config with everything that a test with mmengine's runner needs."""
    cfg = copy.deepcopy(cfg)
    set_test_data(cfg, annotations, images)
    cfg.test_dataloader.batch_size = 1  # as `evaluate` does: no image is padded to another's size
    cfg.test_evaluator = ConfigDict(type="CocoMetric", ann_file=annotations, metric="bbox")
    cfg.test_cfg = ConfigDict(type="TestLoop")
    cfg.val_dataloader, cfg.val_evaluator = copy.deepcopy(cfg.test_dataloader), copy.deepcopy(cfg.test_evaluator)
    cfg.val_cfg = ConfigDict(type="ValLoop")
    cfg.setdefault("default_scope", "mmdet")
    cfg.setdefault("visualizer", ConfigDict(type="DetLocalVisualizer", vis_backends=[dict(type="LocalVisBackend")]))
    cfg.load_from = f"{HERE}/weights.pth"
    cfg.work_dir = f"{HERE}/work"
    return cfg


def _from(path: Path, folder: Path) -> str:
    """An absolute path stays; a relative one is written as seen from `folder`, so that both can move together."""
    return str(path) if path.is_absolute() else f"{HERE}/{os.path.relpath(path, folder)}"
