"""torchvision's SSDs: each level has a convolution of its own, softmax with a background, images stretched."""

import inspect
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torchvision.models.detection import ssd300_vgg16, ssdlite320_mobilenet_v3_large
from torchvision.models.detection.ssd import SSD

from anchorprune.detectors.torchvision.architectures import ARCHITECTURES
from anchorprune.detectors.torchvision.facts import Facts
from anchorprune.detectors.torchvision.families.family import limit, sliced_head
from anchorprune.detectors.torchvision.families.reshaped import reshape
from anchorprune.heads.head import Head, Level
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Postprocess
from anchorprune.heads.slicing import ChannelSlice, slice_state

_BUILDERS = {"ssd300_vgg16": ssd300_vgg16, "ssdlite320_mobilenet_v3_large": ssdlite320_mobilenet_v3_large}
_LAST = {"ssd300_vgg16": "", "ssdlite320_mobilenet_v3_large": "1."}  # of a level, the layer whose channels are anchors'
_FILE = '''\
"""{architecture} of torchvision with {count} anchors; `build("weights.pth")` needs torch and torchvision alone."""

from collections import OrderedDict

import torch
from torchvision.models.detection import {architecture}

CLASSES = {classes}  # by the model's labels
LEVELS = {levels}
ANCHORS = {anchors}  # (w, h) of each level's, in sizes of the input


def build(weights):
    """The detector with its weights, in evaluation mode."""
    model = {architecture}(weights=None, weights_backbone=None, num_classes={outputs})
    reshape(model, ANCHORS, LEVELS)
    model.score_thresh, model.nms_thresh = {threshold}, {iou}
    model.topk_candidates, model.detections_per_img = {pre}, {most}
    model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return model.eval()


{reshape}'''


class SsdFamily:
    """See `Family`."""

    by_class = True
    background = True
    resizable = False

    def unweighted(self, architecture: str, outputs: int) -> SSD:
        with torch.device("meta"):
            model = _BUILDERS[architecture](weights=None, weights_backbone=None, num_classes=outputs)
        generator = model.anchor_generator
        generator._wh_pairs = generator._generate_wh_pairs(len(generator.aspect_ratios))
        return model

    def build(self, facts: Facts, head: Head, random: bool) -> SSD:
        if random:
            model = _BUILDERS[facts.architecture](weights=None, weights_backbone=None, num_classes=facts.outputs)
        else:  # torchvision draws, for a second or more, what would be replaced
            model = self.unweighted(facts.architecture, facts.outputs)
        reshape(model, *_relative_anchors(head))
        if random:
            _start_anew(model, facts.architecture)
        else:
            model.to_empty(device="cpu")
        limit(model, facts.postprocess)
        return model

    def postprocess(self, model: SSD) -> Postprocess:
        """The best of each class, then NMS of each class, then the best of all."""
        limits = {"nms_pre": model.topk_candidates, "nms_pre_per": "class", "max_per_image": model.detections_per_img}
        return Postprocess(model.score_thresh, model.nms_thresh, min_size=-1, **limits)

    def describe(
        self, model: SSD, name: str, architecture: str, classes: int, size: tuple[int, int] | None = None
    ) -> Head:
        size, generator = size or ARCHITECTURES[architecture].input_size, model.anchor_generator
        own = [[(w * size[0], h * size[1]) for w, h in pairs.double().tolist()] for pairs in generator._wh_pairs]
        maps = model.eval().backbone(torch.empty(1, 3, *size[::-1], device="meta")).values()
        scoring, levels = model.head.classification_head, []
        for i, (block, found, level) in enumerate(zip(scoring.module_list, maps, own, strict=True)):
            grid = (found.shape[2], found.shape[3])
            stride = generator.steps[i] if generator.steps else round(size[0] / grid[1])
            sides = tuple((min(w, size[0]), min(h, size[1])) if generator.clip else (w, h) for w, h in level)
            levels.append(Level(stride, grid, *_macs(block, grid, scoring.num_columns), sides))
        return Head(name, size, classes, tuple(levels))

    def first_layer(self, architecture: str) -> tuple[str, int]:
        model = self.unweighted(architecture, 2)
        name = f"head.classification_head.module_list.0.{_LAST[architecture]}weight"
        return name, len(model.anchor_generator._wh_pairs[0])

    def fit_anchors(self, head: Head, anchors: list[list[tuple[float, float]]]) -> list[list[tuple[float, float]]]:
        """No anchor is larger than the input."""
        width, height = head.input_size
        return [[(min(w, width), min(h, height)) for w, h in level] for level in anchors]

    def scores(self, logits: Tensor) -> Tensor:
        return logits.softmax(-1)

    def canvas(self, head: Head) -> tuple[int, int]:
        return head.input_size

    def raw(self, model: SSD, maps: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        scoring, boxes = model.head.classification_head.module_list, model.head.regression_head.module_list
        return [(score(level), box(level)) for score, box, level in zip(scoring, boxes, maps, strict=True)]

    def by_level(
        self, model: SSD, maps: Sequence[Tensor], outputs: dict[str, Tensor], anchors: list[Tensor]
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        return outputs, anchors

    def slice(self, state: Mapping[str, Tensor], facts: Facts, head: Head, layout: Layout) -> dict[str, Tensor]:
        """The channels of the layout's anchors, and of the layers before them those that it needs.

        torchvision numbers the levels that there are, so that those after a dropped one get lower numbers.
        """
        had = [i for i, level in enumerate(head.levels) if level.anchors]
        slices, names = [], {}
        for tower, width in (("classification_head", facts.outputs), ("regression_head", 4)):
            stays = 0
            for place, level in enumerate(had):
                kept, prefix = layout.kept_per_level[level], f"head.{tower}.module_list.{place}."
                slices.append(ChannelSlice(f"{prefix}{_LAST[facts.architecture]}", tuple(kept), width))
                names[prefix] = f"head.{tower}.module_list.{stays}." if kept else None
                stays += bool(kept)
        wanted, result = self.build(facts, sliced_head(head, layout), False).state_dict(), {}
        for name, value in slice_state(state, slices).items():
            old = next((prefix for prefix in names if name.startswith(prefix)), None)
            new = name if old is None else names[old] and names[old] + name.removeprefix(old)
            if new in wanted:  # else of a dropped level, or of the backbone beyond the last level that is kept
                result[new] = value
        return result

    def sliced_facts(self, facts: Facts, head: Head, layout: Layout) -> Facts:
        return facts

    def build_file(self, facts: Facts, head: Head) -> str:
        (anchors, levels), post = _relative_anchors(head), facts.postprocess
        return _FILE.format(
            architecture=facts.architecture,
            count=head.num_anchors,
            classes=dict(zip(facts.labels, facts.classes, strict=True)),
            levels=levels,
            anchors=anchors,
            outputs=facts.outputs,
            threshold=post.score_threshold,
            iou=post.nms_iou,
            pre=post.nms_pre,
            most=post.max_per_image,
            reshape=inspect.getsource(reshape),
        )


def _start_anew(model: SSD, architecture: str) -> None:
    """Give the last convolutions the random weights that torchvision would give them."""
    for tower in (model.head.classification_head, model.head.regression_head):
        for layer in map(_last_layer, tower.module_list):
            if architecture == "ssd300_vgg16":
                nn.init.xavier_uniform_(layer.weight)
            else:
                nn.init.normal_(layer.weight, std=0.03)
            nn.init.zeros_(layer.bias)


def _relative_anchors(head: Head) -> tuple[list[list[tuple[float, float]]], list[int]]:
    """The anchors of the levels that have any, in sizes of the input, and these levels' numbers."""
    width, height = head.input_size
    kept = [i for i, level in enumerate(head.levels) if level.anchors]
    return [[(w / width, h / height) for w, h in head.levels[i].anchors] for i in kept], kept


def _last_layer(block: nn.Module) -> nn.Conv2d:
    """The convolution of a level whose output channels are the anchors'; in SSDLite it follows a depthwise one."""
    return block[1] if isinstance(block, nn.Sequential) else block


def _macs(block: nn.Module, grid: tuple[int, int], outputs: int) -> tuple[int, int]:
    """Multiply-accumulates of a level and of each of its anchors, both towers."""
    layer, cells = _last_layer(block), grid[0] * grid[1]
    kernel = layer.kernel_size[0] * layer.kernel_size[1]
    fixed = 0 if block is layer else 2 * cells * 9 * layer.in_channels
    return fixed, cells * kernel * layer.in_channels * (outputs + 4)
