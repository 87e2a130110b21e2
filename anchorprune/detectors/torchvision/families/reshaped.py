"""An SSD of torchvision with other anchors. It needs torch alone: `publish` puts this code beside weights."""

from collections import OrderedDict

import torch


def reshape(model, anchors, levels):
    """Give an SSD of torchvision the anchors of some levels, in place; its last convolutions are new ones.

    Args:
        model: of `ssd300_vgg16` or `ssdlite320_mobilenet_v3_large`.
        anchors: for each level that stays, its anchors as (w, h), in sizes of the input.
        levels: those levels' numbers, ascending.
    """
    generator, backbone, dropped = model.anchor_generator, model.backbone, len(model.anchor_generator.aspect_ratios)
    generator._wh_pairs = [torch.tensor(level, dtype=torch.float32).reshape(-1, 2) for level in anchors]
    generator.aspect_ratios = [generator.aspect_ratios[level] for level in levels]
    generator.steps = generator.steps and [generator.steps[level] for level in levels]
    for head in (model.head.classification_head, model.head.regression_head):
        head.module_list = torch.nn.ModuleList(head.module_list[level] for level in levels)
        for place, (block, level) in enumerate(zip(head.module_list, anchors, strict=True)):
            old = block[1] if isinstance(block, torch.nn.Sequential) else block  # SSDLite's is after a depthwise one
            channels = head.num_columns * len(level)
            new = torch.nn.Conv2d(old.in_channels, channels, old.kernel_size, padding=old.padding)
            if block is old:
                head.module_list[place] = new
            else:
                block[1] = new
    dropped -= levels[-1] + 1  # what comes after the last level that stays
    del backbone.extra[max(len(backbone.extra) - dropped, 0) :]
    names = [str(level) for level in levels]
    backbone.register_forward_hook(lambda module, given, maps: OrderedDict((name, maps[name]) for name in names))
