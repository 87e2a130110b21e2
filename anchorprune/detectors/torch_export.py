"""A network of torch as an ONNX model, for the backends that have such networks; nothing else imports this."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import onnx
import torch
from torch import nn

from anchorprune.deploy.onnx.broadcast import without_expands
from anchorprune.deploy.onnx.models import IMAGES
from anchorprune.errors import UserError

# torch's exporter writes opset 18 and converts upwards; it knows none after 23 (torch.onnx, torch 2.13).
OPSETS = range(18, 24)


def write_onnx(
    network: nn.Module, images: torch.Tensor, outputs: Sequence[str], opset: int, sides: dict[int, Any]
) -> onnx.ModelProto:
    """A network from images to outputs.

    Args:
        network: takes images, and gives as many tensors as there are `outputs`.
        images: an example of a batch, (2, 3, H, W) float32: a batch of 1 would be taken for a constant.
        outputs: their names.
        opset: of ONNX's own operators.
        sides: the images' sides that may differ, see `torch.export`.

    Raises:
        UserError: torch cannot write this opset.
    """
    if opset not in OPSETS:
        raise UserError(
            f"--opset {opset}: torch writes ONNX opsets {OPSETS.start} to {OPSETS.stop - 1}; give one of them"
        )
    with _quiet():
        program = torch.onnx.export(
            network.eval(),
            (images,),
            dynamo=True,
            verbose=False,
            opset_version=opset,
            input_names=[IMAGES],
            output_names=list(outputs),
            dynamic_shapes=(sides,),
        )
    return without_expands(program.model_proto)


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
