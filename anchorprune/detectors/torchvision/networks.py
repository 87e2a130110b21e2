"""torchvision's SSDs: built with a head's anchors, and described as a head."""

from collections.abc import Sequence

import torch
from torch import nn
from torchvision.models.detection import ssd300_vgg16, ssdlite320_mobilenet_v3_large
from torchvision.models.detection.ssd import SSD

from anchorprune.detectors.torchvision.architectures import ARCHITECTURES
from anchorprune.detectors.torchvision.facts import Facts
from anchorprune.detectors.torchvision.reshaped import reshape
from anchorprune.heads.head import Head, Level
from anchorprune.heads.predictions import Postprocess

_BUILDERS = {"ssd300_vgg16": ssd300_vgg16, "ssdlite320_mobilenet_v3_large": ssdlite320_mobilenet_v3_large}


def unweighted(architecture: str, outputs: int) -> SSD:
    """Torchvision's own network without weights: its tensors have shapes alone, but for the anchors."""
    with torch.device("meta"):
        model = _BUILDERS[architecture](weights=None, weights_backbone=None, num_classes=outputs)
    generator = model.anchor_generator
    generator._wh_pairs = generator._generate_wh_pairs(len(generator.aspect_ratios))
    return model


def build(facts: Facts, head: Head, random: bool = False) -> SSD:
    """The network of a head, on the CPU: with torchvision's random weights, or with any, to be loaded."""
    if random:
        model = _BUILDERS[facts.architecture](weights=None, weights_backbone=None, num_classes=facts.outputs)
    else:  # torchvision draws, for a second or more, what would be replaced
        model = unweighted(facts.architecture, facts.outputs)
    reshape(model, *relative_anchors(head))
    if random:
        _start_anew(model, facts.architecture)
    else:
        model.to_empty(device="cpu")
    post = facts.postprocess
    model.score_thresh, model.nms_thresh = post.score_threshold, post.nms_iou
    model.topk_candidates, model.detections_per_img = post.nms_pre, post.max_per_image
    return model


def _start_anew(model: SSD, architecture: str) -> None:
    """Give the last convolutions the random weights that torchvision would give them."""
    for tower in towers(model):
        for layer in map(last_layer, tower.module_list):
            if architecture == "ssd300_vgg16":
                nn.init.xavier_uniform_(layer.weight)
            else:
                nn.init.normal_(layer.weight, std=0.03)
            nn.init.zeros_(layer.bias)


def relative_anchors(head: Head) -> tuple[list[list[tuple[float, float]]], list[int]]:
    """The anchors of the levels that have any, in sizes of the input, and these levels' numbers."""
    width, height = head.input_size
    kept = [i for i, level in enumerate(head.levels) if level.anchors]
    return [[(w / width, h / height) for w, h in head.levels[i].anchors] for i in kept], kept


def towers(model: SSD) -> tuple[nn.Module, nn.Module]:
    """The part that scores and the part that regresses boxes."""
    return model.head.classification_head, model.head.regression_head


def last_layer(block: nn.Module) -> nn.Conv2d:
    """The convolution of a level whose output channels are the anchors'; in SSDLite it follows a depthwise one."""
    return block[1] if isinstance(block, nn.Sequential) else block


def postprocess_of(model: SSD) -> Postprocess:
    """Torchvision's post-processing: the best of each class, then NMS of each class, then the best of all."""
    limits = {"nms_pre": model.topk_candidates, "nms_pre_per": "class", "max_per_image": model.detections_per_img}
    return Postprocess(model.score_thresh, model.nms_thresh, min_size=-1, **limits)


def describe(model: SSD, name: str, architecture: str, classes: int, anchors: Sequence | None = None) -> Head:
    """The head of a network that has every level.

    Args:
        model: see `unweighted`.
        name: of the head.
        architecture: name of torchvision's builder.
        classes: number of those that are looked for.
        anchors: for each level its [w, h] in input pixels; None: the network's own.
    """
    size, generator = ARCHITECTURES[architecture].input_size, model.anchor_generator
    own = [[(w * size[0], h * size[1]) for w, h in pairs.double().tolist()] for pairs in generator._wh_pairs]
    maps = model.eval().backbone(torch.empty(1, 3, *size[::-1], device="meta")).values()
    scoring, levels = towers(model)[0], []
    for i, (block, found, level) in enumerate(zip(scoring.module_list, maps, anchors or own, strict=True)):
        grid = (found.shape[2], found.shape[3])
        stride = generator.steps[i] if generator.steps else round(size[0] / grid[1])
        sides = tuple((min(w, size[0]), min(h, size[1])) if generator.clip else (w, h) for w, h in level)
        levels.append(Level(stride, grid, *_macs(block, grid, scoring.num_columns), sides))
    return Head(name, size, classes, tuple(levels))


def _macs(block: nn.Module, grid: tuple[int, int], outputs: int) -> tuple[int, int]:
    """Multiply-accumulates of a level and of each of its anchors, both towers."""
    layer, cells = last_layer(block), grid[0] * grid[1]
    kernel = layer.kernel_size[0] * layer.kernel_size[1]
    fixed = 0 if block is layer else 2 * cells * 9 * layer.in_channels
    return fixed, cells * kernel * layer.in_channels * (outputs + 4)
