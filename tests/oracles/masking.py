"""Raw outputs of a head, seen anchor by anchor."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from anchorprune.detectors.mmdet.families.registry import family_of
from anchorprune.heads.layout import Layout


def mask_anchors(head: nn.Module, layout: Layout, outputs: Sequence[Sequence[Tensor]]) -> tuple[list[Tensor], ...]:
    """The full head's raw outputs with only the kept anchors' channels, as a sliced head gives them.

    Args:
        head: a head whose channels have the anchor as the slowest index.
        layout: the anchors to keep.
        outputs: the head's output maps (class logits and box deltas for most), per level (N, A * channels, H, W).
    """
    masked = []
    for per_level, width in zip(outputs, family_of(head).channels(head), strict=True):
        masked.append(
            [
                torch.cat([out[:, a * width : (a + 1) * width] for a in kept], 1) if kept else out[:, :0]
                for out, kept in zip(per_level, layout.kept_per_level, strict=True)
            ]
        )
    return tuple(masked)
