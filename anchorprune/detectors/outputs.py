"""Raw outputs of a head, seen anchor by anchor."""

import torch
from torch import Tensor, nn

from anchorprune.layout import Layout


def mask_anchors(head: nn.Module, layout: Layout, outputs: tuple[list[Tensor], list[Tensor]]) -> tuple:
    """The full head's raw outputs with only the kept anchors' channels, as a sliced head gives them.

    Args:
        head: a head whose channels have the anchor as the slowest index.
        layout: the anchors to keep.
        outputs: class logits and box deltas, per level (N, A * channels, H, W).
    """
    masked = []
    for per_level, width in zip(outputs, (head.cls_out_channels, 4), strict=True):
        masked.append(
            [
                torch.cat([out[:, a * width : (a + 1) * width] for a in kept], 1) if kept else out[:, :0]
                for out, kept in zip(per_level, layout.kept_per_level, strict=True)
            ]
        )
    return tuple(masked)
