"""A detector as an ONNX model, up to the head's raw outputs."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from anchorprune.deploy.onnx.coding import Coding
from anchorprune.deploy.onnx.finish import BATCH, LevelOutputs, finish
from anchorprune.deploy.onnx.metadata import InputForm, Metadata
from anchorprune.deploy.onnx.models import IMAGES, Models
from anchorprune.detectors.mmdet.built import BuiltDetector
from anchorprune.detectors.mmdet.families.registry import family_of
from anchorprune.detectors.mmdet.model import postprocess
from anchorprune.errors import UserError
from anchorprune.heads.predictions import Postprocess

# torch's exporter writes opset 18 and converts upwards; it knows none after 23 (torch.onnx, torch 2.13).
OPSETS = range(18, 24)
# Steps of a test pipeline that leave pixels alone, or that the input form describes.
KNOWN_STEPS = ("LoadImageFromFile", "LoadAnnotations", "Resize", "PackDetInputs")


def export_raw(detector: BuiltDetector, opset: int) -> onnx.ModelProto:
    """The model from images to the features and raw outputs of the levels that keep anchors.

    Input: `images` (batch, 3, H, W) float32, RGB, 0..255, of the size of `canvas`. Outputs: `feature_L`, and
    `cls_L` and `reg_L` (or what the family calls them) for each level L with anchors, as the head gives them.

    Raises:
        UserError: torch cannot write this opset.
    """
    if opset not in OPSETS:
        raise UserError(
            f"--opset {opset}: torch writes ONNX opsets {OPSETS.start} to {OPSETS.stop - 1}; give one of them"
        )
    images = _black(detector, 2)  # a batch of 1 would be taken for a constant
    levels = kept_levels(detector)
    names = [name for part in outputs_of_levels(detector) for name in part]
    with _quiet():
        program = torch.onnx.export(
            _Network(detector, levels).eval(),
            (images,),
            dynamo=True,
            verbose=False,
            opset_version=opset,
            input_names=[IMAGES],
            output_names=[*(f"feature_{level}" for level in levels), *names],
            dynamic_shapes=({0: torch.export.Dim(BATCH)},),
        )
    return program.model_proto


def canvas(detector: BuiltDetector) -> tuple[int, int]:
    """(W, H) of the models' input: the detector's input size, padded as mmdet pads it."""
    divisor = detector.model.data_preprocessor.pad_size_divisor
    width, height = (-(-side // divisor) * divisor for side in detector.head.input_size)
    return width, height


def _black(detector: BuiltDetector, count: int) -> Tensor:
    width, height = canvas(detector)
    return torch.zeros(count, 3, height, width, device=next(detector.model.parameters()).device)


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


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells of what it does itself, and of packages that nothing here needs."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def input_form(detector: BuiltDetector) -> InputForm:
    """How an image becomes the input of the detector's models, from its config's test pipeline.

    Raises:
        UserError: the pipeline has a step that changes images in a way not known here.
    """
    keep_ratio = False
    for step in detector.config.test_dataloader.dataset.pipeline:
        if step.type not in KNOWN_STEPS:
            raise UserError(
                f"config: step {step.type} of the test pipeline is not known to `deploy`, which knows "
                f"{', '.join(KNOWN_STEPS)}"
            )
        keep_ratio = keep_ratio or bool(step.get("keep_ratio", False))
    size = detector.head.input_size
    scale = size if size != canvas(detector) else None
    return InputForm(*canvas(detector), keep_ratio, _padding(detector.model.data_preprocessor), scale)


def _padding(preprocessor: nn.Module) -> tuple[float, float, float]:
    """The RGB pixel that becomes the preprocessor's padding, which it adds after mean and deviation."""
    value = torch.full((3,), float(preprocessor.pad_value))
    if preprocessor._enable_normalize:
        value = value * preprocessor.std.flatten().cpu() + preprocessor.mean.flatten().cpu()
    red, green, blue = value.tolist() if preprocessor._channel_conversion else value.flip(0).tolist()
    return red, green, blue


def export(detector: BuiltDetector, opset: int, provenance: dict[str, Any]) -> Models:
    """All models of a detector; errors as the functions above, and where its post-processing has no ONNX form."""
    post = postprocess(detector.config)
    _check_suppression(detector, post)
    finishing = finish(level_outputs(detector), coding_of(detector), post, opset)
    metadata = Metadata(
        detector.head.to_dict(), detector.classes, input_form(detector), asdict(post), opset, provenance
    )
    return Models(export_raw(detector, opset), finishing, metadata)


def _check_suppression(detector: BuiltDetector, post: Postprocess) -> None:
    nms = detector.config.model.test_cfg.nms
    unknown = sorted(set(nms) - {"type", "iou_threshold", "class_agnostic", "split_thr"})
    if nms.get("type", "nms") != "nms" or unknown:
        what = f"key {unknown[0]!r}" if unknown else f"type {nms.type!r}"
        raise UserError(f"config: test_cfg.nms has {what}, which ONNX's NonMaxSuppression cannot do; use type 'nms'")
    if post.max_per_image < 1:
        raise UserError("config: test_cfg.max_per_img must be at least 1: a model's output has a fixed size")
