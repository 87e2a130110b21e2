"""Detectors that nobody trained, but which detect: weights at random, shaken, and thresholds low enough."""

import json
from pathlib import Path

from running.command import ROOT
from running.detector import SMALL_ANCHORS

CLASSES = ("ellipse", "rectangle", "triangle")


def shaken(cfg):
    """The network of a config, in evaluation mode; what it says of an image depends on the image."""
    import torch

    from anchorprune.detectors.mmdet.model import build

    generator = torch.Generator().manual_seed(0)
    model = build(cfg).eval()
    model.init_weights()
    with torch.no_grad():
        for parameter in model.bbox_head.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return model


def write_untrained(folder: Path) -> Path:
    """The demo's SSD with a few anchors and the scenes' classes, as a detector's folder."""
    import torch

    from anchorprune.detectors.mmdet.config import compose
    from anchorprune.detectors.mmdet.folder import write_folder
    from anchorprune.detectors.mmdet.model import describe

    torch.manual_seed(0)
    cfg = compose.read_config(ROOT / "config/detectors/ssd_demo.py")
    compose.set_anchors(cfg, SMALL_ANCHORS["strides"], SMALL_ANCHORS["levels"])
    compose.set_classes(cfg, CLASSES)
    cfg.model.test_cfg.score_thr = 0.2
    model = shaken(cfg)
    write_folder(folder, cfg, describe(cfg, model), model.state_dict())
    return folder


def of_images(annotations: Path, count: int, file: Path) -> Path:
    """A COCO file's first images, with their boxes, as a file."""
    whole = json.loads(annotations.read_text())
    images = sorted(whole["images"], key=lambda image: image["id"])[:count]
    ids = {image["id"] for image in images}
    boxes = [box for box in whole["annotations"] if box["image_id"] in ids]
    file.write_text(json.dumps({**whole, "images": images, "annotations": boxes}))
    return file
