"""What a config's test pipeline and preprocessor make of an image, for models that run without mmdet."""

from dataclasses import replace

import torch
from torch import nn

from anchorprune.deploy.onnx.metadata import InputForm
from anchorprune.detectors.mmdet.built import BuiltDetector
from anchorprune.errors import UserError

# Steps of a test pipeline that leave pixels alone, or that the input form describes.
KNOWN_STEPS = ("LoadImageFromFile", "LoadAnnotations", "Resize", "PackDetInputs")


def canvas(detector: BuiltDetector) -> tuple[int, int]:
    """(W, H) of the models' input: the detector's input size, padded as mmdet pads it."""
    return _padded(detector.head.input_size, detector.model.data_preprocessor.pad_size_divisor)


def input_form(detector: BuiltDetector, any_size: bool = False) -> InputForm:
    """How an image becomes the input of the detector's models, from its config's test pipeline.

    Args:
        detector: the models are of.
        any_size: of images that keep their ratio, and are padded each to a size of its own; others have one size.

    Raises:
        UserError: the pipeline has a step that changes images in a way not known here.
    """
    keep_ratio, scale = False, None
    for step in detector.config.test_dataloader.dataset.pipeline:
        if step.type not in KNOWN_STEPS:
            raise UserError(
                f"config: step {step.type} of the test pipeline is not known to `deploy`, which knows "
                f"{', '.join(KNOWN_STEPS)}"
            )
        keep_ratio, scale = keep_ratio or bool(step.get("keep_ratio", False)), step.get("scale", scale)
    size, preprocessor = detector.head.input_size, detector.model.data_preprocessor
    form = InputForm(*canvas(detector), keep_ratio, _padding(preprocessor), size if size != canvas(detector) else None)
    if not (any_size and keep_ratio):
        return form
    scale, divisor = tuple(scale or size), preprocessor.pad_size_divisor
    width, height = _padded(scale, divisor)
    return replace(form, width=width, height=height, scale=scale, divisor=divisor)


def _padded(size: tuple[int, int], divisor: int) -> tuple[int, int]:
    width, height = (-(-side // divisor) * divisor for side in size)
    return width, height


def _padding(preprocessor: nn.Module) -> tuple[float, float, float]:
    """The RGB pixel that becomes the preprocessor's padding, which it adds after mean and deviation."""
    value = torch.full((3,), float(preprocessor.pad_value))
    if preprocessor._enable_normalize:
        value = value * preprocessor.std.flatten().cpu() + preprocessor.mean.flatten().cpu()
    red, green, blue = value.tolist() if preprocessor._channel_conversion else value.flip(0).tolist()
    return red, green, blue
