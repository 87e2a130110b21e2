"""Slicing a detector: a smaller config and smaller weights, no masks."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from mmengine.config import Config
from torch import nn

from anchorprune.detectors.mmdet.built import BuiltDetector
from anchorprune.detectors.mmdet.families.registry import family_of
from anchorprune.detectors.mmdet.folder import WEIGHTS, write_folder
from anchorprune.detectors.mmdet.model import build, describe
from anchorprune.detectors.mmdet.weights import load_into
from anchorprune.heads.layout import Layout
from anchorprune.heads.slicing import slice_state

Built = TypeVar("Built", bound=BuiltDetector)


def slice_detector(detector: Built, layout: Layout, output: Path) -> Built:
    """Write the pruned detector's folder into `output`.

    Returns:
        The pruned detector, in evaluation mode; of the class of the full one.
    """
    head = detector.model.bbox_head
    cfg = pruned_config(detector.config, head, layout)
    slices = family_of(head).channel_slices(head, layout)
    state = slice_state(detector.model.state_dict(), slices)
    model = build(cfg)
    load_into(model, state, output)
    model.eval()
    model.to(detector.device)
    pruned = replace(detector, config=cfg, model=model, head=describe(cfg, model), source=output / WEIGHTS)
    write_folder(output, cfg, pruned.head, state)
    return pruned


def pruned_config(cfg: Config, head: nn.Module, layout: Layout) -> Config:
    """The complete config with the layout's anchors only; `head` is the full one."""
    cfg = copy.deepcopy(cfg)
    generator = cfg.model.bbox_head.anchor_generator
    generator.anchors = [
        [generator.anchors[level][i] for i in kept] for level, kept in enumerate(layout.kept_per_level)
    ]
    family_of(head).prune_config(cfg.model.bbox_head, head, layout)
    return cfg
