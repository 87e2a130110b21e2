"""Slicing a detector: a smaller config and smaller weights, no masks."""

import copy
from pathlib import Path

from mmengine.config import Config

from anchorprune.detectors.compose import set_anchors
from anchorprune.detectors.families import family_of
from anchorprune.detectors.model import Detector, build, describe
from anchorprune.detectors.weights import load_into, save_weights
from anchorprune.files import whole_file
from anchorprune.layout import Layout
from anchorprune.slicing import slice_state


def slice_detector(detector: Detector, layout: Layout, output: Path) -> Detector:
    """Write the pruned `config.py`, `weights.pth` and `head.json` into `output`.

    Returns:
        The pruned detector, in evaluation mode.
    """
    cfg = pruned_config(detector.config, layout)
    slices = family_of(detector.model.bbox_head).channel_slices(detector.model.bbox_head, layout)
    state = slice_state(detector.model.state_dict(), slices)
    model = build(cfg)
    load_into(model, state, output)
    model.eval()
    pruned = Detector(cfg, model, describe(cfg, model))
    with whole_file(output / "config.py") as partial:
        partial.write_text(cfg.pretty_text)
    pruned.head.save(output / "head.json")
    save_weights(output / "weights.pth", state)
    return pruned


def pruned_config(cfg: Config, layout: Layout) -> Config:
    """The complete config with the layout's anchors only."""
    cfg = copy.deepcopy(cfg)
    levels = [
        [level.anchors[i] for i in kept] for level, kept in zip(layout.head.levels, layout.kept_per_level, strict=True)
    ]
    set_anchors(cfg, [level.stride for level in layout.head.levels], levels)
    return cfg
