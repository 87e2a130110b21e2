"""mmcv's compiled operators: whether they run on a device, and how to do without where they do not.

A mmcv that was compiled without CUDA, or for other GPUs, is found out where NMS first runs: after hours of training.
"""

import logging
from collections.abc import Callable
from typing import Any

import torch
from mmcv.ops import nms
from torch import Tensor
from torch.nn import functional

LOG = logging.getLogger(__name__)

REMEDY = "run `make setup` where CUDA's compiler nvcc is"


def why_not(device: torch.device) -> str | None:
    """Why NMS does not run on a device, tried with two boxes of which it is to keep one; None where it does."""
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9]], device=device)
    try:
        kept = nms(boxes, torch.tensor([0.5, 0.9], device=device), 0.5)[1].tolist()
    except RuntimeError as error:
        return str(error).splitlines()[0]
    return None if kept == [1] else f"of two boxes of one object it keeps {kept}"


def do_without(device: torch.device) -> None:
    """Where mmcv's operators do not run on a device, have NMS run on the CPU and the focal loss in torch; says so.

    Results are those of the CPU's operators. The other operators (deformable convolutions) have no such way out.
    """
    if device.type == "cpu":
        return
    reason = why_not(device)
    if reason is None:
        return
    LOG.warning("mmcv's operators do not run on %s (%s): NMS runs on the CPU instead; %s", device, reason, REMEDY)
    from mmcv.ops.nms import ext_module
    from mmdet.models.losses import focal_loss

    ext_module.nms = _on_the_cpu(ext_module.nms)
    focal_loss.sigmoid_focal_loss = _focal_loss


def _on_the_cpu(operator: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def run(*tensors: Tensor, **options: Any) -> Tensor:
        """The operator on tensors of any device; the result is where the first of them is."""
        return operator(*(tensor.cpu() for tensor in tensors), **options).to(tensors[0].device)

    return run


def _focal_loss(pred: Tensor, target: Tensor, *args: Any, **options: Any) -> Tensor:
    """The focal loss as mmdet has it on the CPU: (N, C) logits and (N,) labels, C for the background."""
    from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss

    classes = pred.shape[1]
    return py_sigmoid_focal_loss(pred, functional.one_hot(target, classes + 1)[:, :classes], *args, **options)
