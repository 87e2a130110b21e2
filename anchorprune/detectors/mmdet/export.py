"""A detector as an ONNX model, up to the head's raw outputs."""

import copy
from dataclasses import asdict, replace
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from anchorprune.deploy.onnx.any_size import AnySizeLevel
from anchorprune.deploy.onnx.coding import Coding
from anchorprune.deploy.onnx.decoded import decoded
from anchorprune.deploy.onnx.finish import finish
from anchorprune.deploy.onnx.levels import BATCH, LevelOutputs
from anchorprune.deploy.onnx.metadata import Metadata, facts_of
from anchorprune.deploy.onnx.models import Models
from anchorprune.detectors.mmdet.built import BuiltDetector
from anchorprune.detectors.mmdet.families.registry import family_of
from anchorprune.detectors.mmdet.input_form import canvas, input_form
from anchorprune.detectors.mmdet.model import postprocess
from anchorprune.detectors.torch_export import write_onnx
from anchorprune.errors import UserError
from anchorprune.heads.predictions import Postprocess


def export_raw(detector: BuiltDetector, opset: int, any_size: bool = False) -> onnx.ModelProto:
    """The model from images to the features and raw outputs of the levels that keep anchors.

    Input: `images` (batch, 3, H, W) float32, RGB, 0..255, of the size of `canvas`, or of any. Outputs: `feature_L`, and
    `cls_L` and `reg_L` (or what the family calls them) for each level L with anchors, as the head gives them.

    Raises:
        UserError: torch cannot write this opset, or the network is for one size of images alone.
    """
    images = _black(detector, 2)
    levels = kept_levels(detector)
    names = [*(f"feature_{level}" for level in levels), *(n for part in outputs_of_levels(detector) for n in part)]
    sides = {0: BATCH, 2: "height", 3: "width"} if any_size else {0: torch.export.Dim(BATCH)}
    model = write_onnx(_Network(detector, levels), images, names, opset, sides)
    if any_size and not all(side.dim_param for side in model.graph.input[0].type.tensor_type.shape.dim[2:]):
        raise UserError("this detector's network is for one size of images alone; give --fixed-size")
    return model


def _black(detector: BuiltDetector, count: int) -> Tensor:
    width, height = canvas(detector)
    return torch.zeros(count, 3, height, width, device=detector.device)


def kept_levels(detector: BuiltDetector) -> list[int]:
    """The levels that have anchors."""
    return [i for i, level in enumerate(detector.head.levels) if level.anchors]


def outputs_of_levels(detector: BuiltDetector) -> list[tuple[str, ...]]:
    """For each level with anchors, the names of its raw outputs."""
    outputs = family_of(detector.model.bbox_head).outputs
    return [tuple(f"{output}_{level}" for output in outputs) for level in kept_levels(detector)]


def level_outputs(detector: BuiltDetector) -> list[LevelOutputs]:
    """What decoding must know of each level with anchors."""
    generator = detector.model.bbox_head.prior_generator
    with torch.no_grad():
        grids = [tuple(map(int, feature.shape[-2:])) for feature in detector.model.extract_feat(_black(detector, 1))]
    boxes = generator.grid_priors(grids, device="cpu")
    return [
        LevelOutputs(names, grids[i], boxes[i].numpy(), float(generator.strides[i][0]))
        for i, names in zip(kept_levels(detector), outputs_of_levels(detector), strict=True)
    ]


def any_size_levels(detector: BuiltDetector) -> list[AnySizeLevel]:
    """The same where images have any size."""
    generator = detector.model.bbox_head.prior_generator
    return [
        AnySizeLevel(names, generator.base_anchors[i].cpu().numpy(), tuple(map(int, generator.strides[i])))
        for i, names in zip(kept_levels(detector), outputs_of_levels(detector), strict=True)
    ]


def coding_of(detector: BuiltDetector) -> Coding:
    """How the detector's raw outputs are to be read; errors as its family's `coding`."""
    head = detector.model.bbox_head
    return family_of(head).coding(head, detector.config.model.test_cfg, detector.head.input_size)


class _Network(nn.Module):
    """Images in plain RGB pixels -> features and raw outputs of the levels that keep anchors."""

    def __init__(self, detector: BuiltDetector, levels: list[int]):
        super().__init__()
        self.model, self.levels = detector.model, levels

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(batch, 3, H, W) -> features of each level, then the raw outputs level by level."""
        features = self.model.extract_feat(normalised(self.model.data_preprocessor, images))
        outputs = self.model.bbox_head(features)
        return *(features[i] for i in self.levels), *(kind[i] for i in self.levels for kind in outputs)


def normalised(preprocessor: nn.Module, images: Tensor) -> Tensor:
    """RGB pixels (batch, 3, H, W) 0..255 as the network wants them: its order of channels, less mean, by deviation."""
    if not preprocessor._channel_conversion:  # mmdet loads BGR; without a conversion the network wants that
        images = images[:, [2, 1, 0]]
    if preprocessor._enable_normalize:
        images = (images - preprocessor.mean) / preprocessor.std
    return images


def export(detector: BuiltDetector, opset: int, provenance: dict[str, Any], any_size: bool = False) -> Models:
    """All models of a detector; errors as the functions above, and where its post-processing has no ONNX form.

    Args:
        detector: to be exported.
        opset: of ONNX's own operators.
        provenance: for the metadata.
        any_size: images that keep their ratio have each a size of its own, as mmdet gives them, not one canvas.
    """
    if detector.device.type != "cpu":
        detector = replace(detector, model=copy.deepcopy(detector.model).cpu())
    post = postprocess(detector.config)
    _check_suppression(detector, post)
    form = input_form(detector, any_size)
    any_size = form.divisor is not None
    levels = any_size_levels(detector) if any_size else level_outputs(detector)
    coding = coding_of(detector)
    metadata = Metadata(
        detector.head.to_dict(), detector.classes, form, asdict(post), opset, provenance, facts_of(levels, coding)
    )
    endings = (make(levels, coding, post, opset) for make in (finish, decoded))
    return Models(export_raw(detector, opset, any_size), *endings, metadata)


def _check_suppression(detector: BuiltDetector, post: Postprocess) -> None:
    nms = detector.config.model.test_cfg.nms
    unknown = sorted(set(nms) - {"type", "iou_threshold", "class_agnostic", "split_thr"})
    if nms.get("type", "nms") != "nms" or unknown:
        what = f"key {unknown[0]!r}" if unknown else f"type {nms.type!r}"
        raise UserError(f"config: test_cfg.nms has {what}, which ONNX's NonMaxSuppression cannot do; use type 'nms'")
    if post.max_per_image < 1:
        raise UserError("config: test_cfg.max_per_img must be at least 1: a model's output has a fixed size")
