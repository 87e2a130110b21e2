"""A RetinaNet of torchvision with other anchors. It needs torchvision alone: `publish` puts it beside weights."""

from collections import OrderedDict

import torch
from torchvision.ops import FrozenBatchNorm2d


def thin(model, anchors, levels, count):
    """Give a RetinaNet of torchvision the anchors of some levels, in place; its last convolutions are new ones.

    Args:
        model: of `retinanet_resnet50_fpn` or `retinanet_resnet50_fpn_v2`.
        anchors: for each level that stays, its anchors as (w, h), input pixels.
        levels: those levels' numbers, ascending.
        count: of the filters that the levels share.
    """
    halves = [torch.tensor(level, dtype=torch.float32).reshape(-1, 2) / 2 for level in anchors]
    model.anchor_generator.cell_anchors = [torch.cat([-half, half], 1) for half in halves]
    scoring, boxes = model.head.classification_head, model.head.regression_head
    old, scoring.num_anchors = scoring.cls_logits, count
    scoring.cls_logits = torch.nn.Conv2d(old.in_channels, count * scoring.num_classes, 3, padding=1)
    boxes.bbox_reg = torch.nn.Conv2d(old.in_channels, count * 4, 3, padding=1)
    pyramid, later = model.backbone.fpn, max(levels) > 2  # torchvision's first three maps, then p6 and p7
    for level in {0, 1, 2} - set(levels):
        if level != 2 or not (later and pyramid.extra_blocks.use_P5):
            pyramid.layer_blocks[level] = torch.nn.Identity()
    if not later:
        pyramid.extra_blocks = None
    elif 4 not in levels:
        pyramid.extra_blocks.p7 = torch.nn.Identity()
    names = [("0", "1", "2", "p6", "p7")[level] for level in levels]
    model.backbone.register_forward_hook(lambda module, given, maps: OrderedDict((name, maps[name]) for name in names))


def freeze(module, eps):
    """Make the batch norms of a network the frozen ones that torchvision trains pretrained backbones with."""
    for name, child in module.named_children():
        if isinstance(child, torch.nn.BatchNorm2d):
            setattr(module, name, FrozenBatchNorm2d(child.num_features, eps))
        else:
            freeze(child, eps)
