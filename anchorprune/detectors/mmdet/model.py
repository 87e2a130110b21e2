"""Building the network of a config, and describing its head and post-processing."""

from typing import Any

import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn

from anchorprune.detectors.mmdet.config.compose import OWN_KEY
from anchorprune.detectors.mmdet.config.pretrained import pretrained
from anchorprune.detectors.mmdet.families.registry import family_of, family_of_class
from anchorprune.errors import UserError
from anchorprune.heads.head import Head, Level
from anchorprune.heads.predictions import Postprocess


def build(cfg: Config) -> nn.Module:
    """Build the model of a complete config, with weights as its initialisation makes them.

    Raises:
        UserError: the config names no one-stage detector.
    """
    init_default_scope(cfg.get("default_scope", "mmdet"))
    model_cfg = cfg.model.copy()
    model_cfg.pop("init_cfg", None)
    if pretrained(cfg) is not None:
        model_cfg.backbone = model_cfg.backbone.copy()
        model_cfg.backbone.init_cfg = None  # weights follow from a file; nothing is downloaded
    model = MODELS.build(model_cfg)
    if not hasattr(model, "bbox_head"):
        raise UserError(f"detector {type(model).__name__} has no dense head; one-stage detectors only")
    return model


def input_size(cfg: Config) -> tuple[int, int]:
    """(W, H) input pixels at which costs are counted: stated in the config, or the test pipeline's Resize.

    Raises:
        UserError: neither names a size.
    """
    stated = cfg.get(OWN_KEY, {}).get("input_size")
    if stated:
        return int(stated[0]), int(stated[1])
    scale = _resize(cfg).get("scale")
    if scale is None:
        raise UserError(f"config: no Resize with a scale in the test pipeline; add {OWN_KEY} = dict(input_size=[W, H])")
    return int(scale[0]), int(scale[1])


def _resize(cfg: Config) -> dict[str, Any]:
    """The step of the test pipeline that scales the images; empty without one."""
    steps = (step for step in cfg.test_dataloader.dataset.pipeline if step.get("type") == "Resize" and "scale" in step)
    return next(steps, {})


@torch.no_grad()
def describe(cfg: Config, model: nn.Module) -> Head:
    """The head's levels, grids, costs and anchors at the config's input size."""
    head, family = model.bbox_head, family_of(model.bbox_head)
    width, height = input_size(cfg)
    training = model.training
    model.eval()
    features = model.extract_feat(torch.zeros(1, 3, height, width, device=next(model.parameters()).device))
    model.train(training)
    levels = []
    for i, (feature, corners) in enumerate(zip(features, head.prior_generator.base_anchors, strict=True)):
        grid = (int(feature.shape[2]), int(feature.shape[3]))
        fixed, per_anchor = family.level_macs(head, i, grid)
        anchors = tuple((float(x2 - x1), float(y2 - y1)) for x1, y1, x2, y2 in corners.double())
        levels.append(Level(int(head.prior_generator.strides[i][0]), grid, fixed, per_anchor, anchors))
    name = cfg.get(OWN_KEY, {}).get("head", type(head).__name__)
    generator = head.prior_generator
    center = generator.centers[0][0] / generator.strides[0][0]
    return Head(
        name, (width, height), head.num_classes, tuple(levels), bool(_resize(cfg).get("keep_ratio", False)), center
    )


def postprocess(cfg: Config) -> Postprocess:
    """The detector's own post-processing, from its test_cfg, in the words of the predictions file.

    Raises:
        UserError: its NMS lowers scores instead of taking boxes away.
    """
    test = cfg.model.test_cfg
    if test.nms.get("type", "nms") != "nms":
        raise UserError(
            f"config: model.test_cfg.nms.type is {test.nms.type!r}; the search follows plain NMS only, set it to 'nms'"
        )
    nms_pre = test.get("nms_pre", -1)
    return Postprocess(
        score_threshold=family_of_class(MODELS.get(cfg.model.bbox_head.type)).score_threshold(test),
        nms_iou=float(test.nms.iou_threshold),
        nms_pre=int(nms_pre) if nms_pre > 0 else None,
        max_per_image=int(test.max_per_img),
        min_size=float(test.get("min_bbox_size", -1)),
        class_agnostic=bool(test.nms.get("class_agnostic", False)),
    )
