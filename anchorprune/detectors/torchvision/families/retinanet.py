"""torchvision's RetinaNets: levels share their last convolutions, sigmoid, images keep their ratio."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torchvision.models.detection import retinanet_resnet50_fpn, retinanet_resnet50_fpn_v2
from torchvision.models.detection.retinanet import RetinaNet

from anchorprune.detectors.torchvision.architectures import ARCHITECTURES
from anchorprune.detectors.torchvision.facts import Facts
from anchorprune.detectors.torchvision.families import uneven
from anchorprune.detectors.torchvision.families.family import limit, sliced_head
from anchorprune.detectors.torchvision.families.filters import are_uneven, kept_filters, kept_parts, shared
from anchorprune.detectors.torchvision.families.retina_file import build_file
from anchorprune.detectors.torchvision.families.thinned import freeze, thin
from anchorprune.heads.head import Head, Level
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Postprocess
from anchorprune.heads.slicing import ChannelSlice, slice_state

_BUILDERS = {
    "retinanet_resnet50_fpn": retinanet_resnet50_fpn,
    "retinanet_resnet50_fpn_v2": retinanet_resnet50_fpn_v2,
}
_SCORES, _BOXES = "head.classification_head.cls_logits.", "head.regression_head.bbox_reg."
_DIVISOR = 32  # images are padded to it
_RARE = 0.01  # what a box is taken for an object with before training; torchvision's `prior_probability`


class RetinaNetFamily:
    """See `Family`."""

    by_class = False
    background = False
    resizable = True

    def unweighted(self, architecture: str, outputs: int) -> RetinaNet:
        with torch.device("meta"):
            model = _BUILDERS[architecture](weights=None, weights_backbone=None, num_classes=outputs)
        generator = model.anchor_generator
        pairs = zip(generator.sizes, generator.aspect_ratios, strict=True)
        generator.cell_anchors = [generator.generate_anchors(*pair) for pair in pairs]
        return model

    def build(self, facts: Facts, head: Head, random: bool) -> RetinaNet:
        if random:
            model = _BUILDERS[facts.architecture](weights=None, weights_backbone=None, num_classes=facts.outputs)
        else:
            model = self.unweighted(facts.architecture, facts.outputs)
        if facts.frozen_eps is not None:
            freeze(model.backbone.body, facts.frozen_eps)
        anchors, levels, filters = kept_parts(facts, head)
        thin(model, anchors, levels, shared(filters))
        if random:
            _start_anew(model)
        else:
            model.to_empty(device="cpu")
        model = uneven.uneven(model, filters) if are_uneven(filters) else model
        model.transform.max_size, model.transform.min_size = head.input_size[0], (head.input_size[1],)
        limit(model, facts.postprocess)
        return model

    def postprocess(self, model: RetinaNet) -> Postprocess:
        """The best of each level, then NMS of each class, then the best of all."""
        limits = {"nms_pre": model.topk_candidates, "max_per_image": model.detections_per_img}
        return Postprocess(model.score_thresh, model.nms_thresh, min_size=-1, **limits)

    def describe(
        self, model: RetinaNet, name: str, architecture: str, classes: int, size: tuple[int, int] | None = None
    ) -> Head:
        """Costs are of an image that fills the size, padded as torchvision pads it; strides are rounded to powers of 2.

        torchvision divides the padded sides by the map's, which is no power of 2 where a map's side was rounded up.
        """
        size = size or ARCHITECTURES[architecture].input_size
        width, height = _padded(size)
        maps = model.eval().backbone(torch.empty(1, 3, height, width, device="meta")).values()
        scoring, levels = model.head.classification_head, []
        tower = [layer for layer in scoring.conv.modules() if isinstance(layer, nn.Conv2d)]
        fixed = 2 * sum(layer.weight.numel() for layer in tower)  # both towers' are alike
        each = scoring.cls_logits.in_channels * 9 * (scoring.num_classes + 4)
        for number, (found, cell) in enumerate(zip(maps, model.anchor_generator.cell_anchors, strict=True)):
            grid = (found.shape[2], found.shape[3])
            cells, sides = grid[0] * grid[1], (cell[:, 2:] - cell[:, :2]).double().tolist()
            levels.append(Level(8 << number, grid, cells * fixed, cells * each, tuple(map(tuple, sides))))
        return Head(name, size, classes, tuple(levels), keep_ratio=True, center=0.0)

    def first_layer(self, architecture: str) -> tuple[str, int]:
        return f"{_SCORES}weight", self.unweighted(architecture, 2).head.classification_head.num_anchors

    def fit_anchors(self, head: Head, anchors: list[list[tuple[float, float]]]) -> list[list[tuple[float, float]]]:
        """Any anchors."""
        return anchors

    def scores(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()

    def canvas(self, head: Head) -> tuple[int, int]:
        return _padded(head.input_size)

    def raw(self, model: RetinaNet, maps: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        if isinstance(model.head, uneven.UnevenHead):
            return model.head.raw(maps)
        scoring, boxes = model.head.classification_head, model.head.regression_head
        return [(scoring.cls_logits(scoring.conv(level)), boxes.bbox_reg(boxes.conv(level))) for level in maps]

    def by_level(
        self, model: RetinaNet, maps: Sequence[Tensor], outputs: dict[str, Tensor], anchors: list[Tensor]
    ) -> tuple[dict[str, list[Tensor]], list[list[Tensor]]]:
        pairs = zip(maps, model.anchor_generator.cell_anchors, strict=True)
        counts = [found.shape[2] * found.shape[3] * len(own) for found, own in pairs]
        split = {key: list(value.split(counts, 1)) for key, value in outputs.items()}
        return split, [list(each.split(counts)) for each in anchors]

    def slice(self, state: Mapping[str, Tensor], facts: Facts, head: Head, layout: Layout) -> dict[str, Tensor]:
        """Of the filters that levels share, those that some level still has."""
        kept = kept_filters(facts.filters_of(head), layout)
        slices = [ChannelSlice(_SCORES, kept, facts.outputs), ChannelSlice(_BOXES, kept, 4)]
        after = self.sliced_facts(facts, head, layout)
        wanted = self.build(after, sliced_head(head, layout), False).state_dict()  # no more of the backbone is needed
        return {name: value for name, value in slice_state(state, slices).items() if name in wanted}

    def sliced_facts(self, facts: Facts, head: Head, layout: Layout) -> Facts:
        """With the filters that are left, numbered anew."""
        filters = facts.filters_of(head)
        position = {old: new for new, old in enumerate(kept_filters(filters, layout))}
        pairs = zip(filters, layout.kept_per_level, strict=True)
        left = tuple(tuple(position[own[i]] for i in kept) for own, kept in pairs)
        usual = all(level == tuple(range(len(level))) for level in left)
        return replace(facts, filters=None if usual else left)

    def build_file(self, facts: Facts, head: Head) -> str:
        return build_file(facts, head)


def _padded(size: tuple[int, int]) -> tuple[int, int]:
    width, height = (math.ceil(side / _DIVISOR) * _DIVISOR for side in size)
    return width, height


def _start_anew(model: RetinaNet) -> None:
    """Give the last convolutions the random weights that torchvision would give them."""
    scoring, boxes = model.head.classification_head.cls_logits, model.head.regression_head.bbox_reg
    for layer in (scoring, boxes):
        nn.init.normal_(layer.weight, std=0.01)
        nn.init.zeros_(layer.bias)
    nn.init.constant_(scoring.bias, -math.log((1 - _RARE) / _RARE))
