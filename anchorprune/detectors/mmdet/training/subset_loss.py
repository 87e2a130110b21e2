"""The loss of a head that only some of the anchors take part in: its own, on a part of its outputs and anchors."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from anchorprune.detectors.mmdet.families.registry import family_of

Losses = Mapping[str, Any]  # name -> a tensor, or several (one per level or image)


def subset_head(head: nn.Module, kept: Sequence[Sequence[int]]) -> nn.Module:
    """A head that has only some of the anchors when it assigns targets; layers and all else are `head`'s own.

    Its `forward` is of no use: its outputs are to be `subset_outputs`.

    Args:
        head: with an `ExplicitAnchorGenerator`.
        kept: for each level, the kept positions within it, ascending.
    """
    part = copy.copy(head)
    part.__dict__.pop("loss_by_feat", None)  # where `head` has another one than its class
    generator = copy.copy(head.prior_generator)
    generator.base_anchors = [anchors[list(level)] for anchors, level in zip(generator.base_anchors, kept, strict=True)]
    part.prior_generator = generator
    return part


def subset_outputs(head: nn.Module, outputs: Sequence[Sequence[Tensor]], kept: Sequence[Sequence[int]]) -> list:
    """The raw outputs of some of the anchors, bit for bit those of all: an anchor's outputs depend on no other anchor.

    Args:
        head: whose outputs they are.
        outputs: for each output and level, (N, A * channels, H, W).
        kept: as `subset_head`.

    Returns:
        For each output and level, (N, kept * channels, H, W).
    """
    widths = family_of(head).channels(head)
    return [
        [_channels(level, width, positions) for level, positions in zip(output, kept, strict=True)]
        for output, width in zip(outputs, widths, strict=True)
    ]


def _channels(output: Tensor, width: int, kept: Sequence[int]) -> Tensor:
    images, channels, rows, columns = output.shape
    anchors = output.reshape(images, channels // width, width, rows, columns)
    return anchors[:, list(kept)].reshape(images, len(kept) * width, rows, columns)


def mean_loss(whole: Losses, parts: Sequence[Losses]) -> dict[str, Any]:
    """The mean of the whole head's losses and of its subsets', the latter under names of their own, for the log."""
    share = 1 / (1 + len(parts))
    losses = {name: _scaled(value, share) for name, value in whole.items()}
    for name in whole:
        losses[f"{name}_subsets"] = [one for part in parts for one in _each(_scaled(part[name], share))]
    return losses


def _scaled(loss: Any, share: float) -> Any:
    return loss * share if isinstance(loss, Tensor) else [one * share for one in loss]


def _each(loss: Any) -> list[Tensor]:
    return [loss] if isinstance(loss, Tensor) else list(loss)
