"""A detector of torchvision as ONNX models: its network with raw outputs, and what decoding must know of them."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import SqueezeExcitation

from anchorprune.deploy.onnx.decoded import decoded
from anchorprune.deploy.onnx.finish import finish
from anchorprune.deploy.onnx.labelled import LabelledCoding
from anchorprune.deploy.onnx.levels import BATCH, LevelOutputs
from anchorprune.deploy.onnx.metadata import UNROUNDED, InputForm, Metadata, facts_of
from anchorprune.deploy.onnx.models import Models
from anchorprune.detectors.torch_export import write_onnx
from anchorprune.detectors.torchvision.facts import Facts
from anchorprune.detectors.torchvision.families.family import Family
from anchorprune.detectors.torchvision.families.registry import family_of
from anchorprune.heads.head import Head


def export(model: nn.Module, facts: Facts, head: Head, opset: int, provenance: Mapping[str, Any]) -> Models:
    """All models of a detector, for images of one size; errors as `write_onnx`.

    Args:
        model: its network, in evaluation mode.
        facts: what the detector is.
        head: of it.
        opset: of ONNX's own operators.
        provenance: for the metadata.
    """
    model, family = copy.deepcopy(model).cpu(), family_of(facts.architecture)
    levels, coding = decoding(model, facts, head)
    width, height = family.canvas(head)
    numbers = [number for number, level in enumerate(head.levels) if level.anchors]
    names = [*(f"feature_{number}" for number in numbers), *(name for level in levels for name in level.names)]
    whole = write_onnx(
        _Network(model, family), torch.zeros(2, 3, height, width), names, opset, {0: torch.export.Dim(BATCH)}
    )
    grey = tuple(255 * mean for mean in model.transform.image_mean)  # torchvision pads after it took the mean away
    form = InputForm(width, height, head.keep_ratio, grey, head.input_size, UNROUNDED, rounded=False)
    post = facts.postprocess
    coded = facts_of(levels, coding)
    metadata = Metadata(head.to_dict(), facts.classes, form, asdict(post), opset, dict(provenance), coded)
    return Models(whole, *(make(levels, coding, post, opset) for make in (finish, decoded)), metadata)


def decoding(model: nn.Module, facts: Facts, head: Head) -> tuple[list[LevelOutputs], LabelledCoding]:
    """How a network's raw outputs become boxes and scores."""
    family, levels = family_of(facts.architecture), [level for level in head.levels if level.anchors]
    width, height = family.canvas(head)
    image = ImageList(torch.zeros(1, 3, height, width), [(height, width)])
    (boxes,) = copy.deepcopy(model.anchor_generator)(image, [torch.zeros(1, 1, *level.grid) for level in levels])
    parts = boxes.split([level.grid[0] * level.grid[1] * len(level.anchors) for level in levels])
    numbers = [number for number, level in enumerate(head.levels) if level.anchors]
    found = [
        LevelOutputs((f"cls_{number}", f"reg_{number}"), level.grid, part.numpy(), float(level.stride))
        for number, level, part in zip(numbers, levels, parts, strict=True)
    ]
    stds, most = tuple(1 / weight for weight in model.box_coder.weights), model.box_coder.bbox_xform_clip
    own = {"outputs": facts.outputs, "labels": facts.labels}
    count = len(facts.classes)
    return found, LabelledCoding(count, family.background, (0.0,) * 4, stds, most, (width, height), **own)


def native_call(model: nn.Module, facts: Facts) -> Callable[[np.ndarray], object]:
    """From one prepared image (1, 3, H, W) to detections, by torchvision."""
    device, family = next(model.parameters()).device, family_of(facts.architecture)

    def run(pixels: np.ndarray) -> object:
        with torch.inference_mode():
            images = _normalised(model, torch.from_numpy(pixels).to(device))
            sizes = [tuple(images.shape[-2:])]
            maps = list(model.backbone(images).values())
            outputs, anchors = model.head(maps), model.anchor_generator(ImageList(images, sizes), maps)
            found = model.postprocess_detections(*family.by_level(model, maps, outputs, anchors), sizes)
            return [{key: value.cpu() for key, value in one.items()} for one in found]  # a GPU has then done its work

    return run


class _Network(nn.Module):
    """Images in plain RGB pixels -> maps and raw outputs of the levels that keep anchors."""

    def __init__(self, model: nn.Module, family: Family):
        super().__init__()
        for block in model.modules():
            if isinstance(block, SqueezeExcitation) and isinstance(block.scale_activation, nn.Hardsigmoid):
                block.scale_activation = _HardSigmoid()
        self.model, self.family = model, family

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(batch, 3, H, W) -> maps of each level, then logits and deltas level by level."""
        maps = list(self.model.backbone(_normalised(self.model, images)).values())
        return *maps, *(output for level in self.family.raw(self.model, maps) for output in level)


class _HardSigmoid(nn.Module):
    """Without ONNX's operator: OpenCV takes a map times any HardSigmoid for a HardSwish of the latter's input."""

    def forward(self, x: Tensor) -> Tensor:
        return (x / 6 + 0.5).clamp(0, 1)


def _normalised(model: nn.Module, images: Tensor) -> Tensor:
    given = model.transform.image_mean, model.transform.image_std
    mean, std = (images.new_tensor(value)[:, None, None] for value in given)
    return (images / 255 - mean) / std
