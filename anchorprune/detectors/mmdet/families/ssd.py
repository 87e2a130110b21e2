"""The SSD family: on each level two convolutions of its own.

They predict `A * (C + 1)` class channels (background last) and `A * 4` box channels, both with the anchor as the
slowest index.
"""

import re
from collections.abc import Sequence

from mmdet.models.dense_heads import SSDHead
from mmdet.registry import MODELS
from torch import Tensor, nn

from anchorprune.detectors.mmdet.families.deltas import DeltaFamily
from anchorprune.heads.slicing import ChannelSlice

# Names of mmdet 2.x's SSD before its neck and its heads' towers, which the paper's release builds on.
_RENAMED = (
    (re.compile(r"^bbox_head\.(cls|reg)_convs\.(\d+)\.(weight|bias)$"), r"bbox_head.\1_convs.\2.0.\3"),
    (re.compile(r"^backbone\.l2_norm\."), "neck.l2_norm."),
)
_EXTRA = re.compile(r"^backbone\.extra\.(\d+)\.(weight|bias)$")


@MODELS.register_module()
class PrunableSSDHead(SSDHead):
    """mmdet's SSDHead, with levels that may have no anchor at all.

    A level without anchors has no layers; its outputs have zero channels, so losses and predictions take nothing
    from it.
    """

    # mmdet's shared prediction code asks every head for its classification loss; SSD computes its own.
    loss_cls = None

    def _init_layers(self) -> None:
        super()._init_layers()
        for level, count in enumerate(self.num_base_priors):
            if count == 0:
                self.cls_convs[level] = nn.Sequential()
                self.reg_convs[level] = nn.Sequential()

    def forward(self, x: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
        """Per level (N, A * (C + 1), H, W) class logits and (N, A * 4, H, W) box deltas."""
        scores, deltas = [], []
        for level, feature in enumerate(x):
            if self.num_base_priors[level] == 0:
                empty = feature.new_zeros(feature.shape[0], 0, *feature.shape[2:])
                scores.append(empty)
                deltas.append(empty)
            else:
                scores.append(self.cls_convs[level](feature))
                deltas.append(self.reg_convs[level](feature))
        return scores, deltas


class SSD(DeltaFamily):
    """See Family.

    mmdet's head takes any number of anchors per level that a generator gives. That of mmdet 3 cannot predict unless it
    is given an attribute `loss_cls`.
    """

    plain, prunable = SSDHead, PrunableSSDHead
    generators = ("SSDAnchorGenerator", "AnchorGenerator", "YOLOAnchorGenerator")

    def level_macs(self, head: SSDHead, level: int, grid: tuple[int, int]) -> tuple[int, int]:
        """See Family; with a stacked tower or depthwise convolutions, what the level's anchors share is fixed.

        Source of the plain form, `H * W * 9 * C_in * n * (classes + 1 + 4)`: METHOD of Bonnaerens et al., CVIU 2022.
        """
        cells = grid[0] * grid[1]
        channels = head.in_channels[level]
        outputs = head.cls_out_channels + 4
        fixed = 0
        for _ in range(head.stacked_convs):
            fixed += 2 * cells * _conv_macs(channels, head.feat_channels, head.use_depthwise)
            channels = head.feat_channels
        if head.use_depthwise:
            return fixed + 2 * cells * 9 * channels, cells * channels * outputs
        return fixed, cells * 9 * channels * outputs

    def anchor_slices(self, head: SSDHead, anchors: Sequence[Sequence[int]]) -> list[ChannelSlice]:
        """See Family."""
        slices = []
        for level, kept in enumerate(anchors):
            for branch, width in (("cls_convs", head.cls_out_channels), ("reg_convs", 4)):
                prefix = f"bbox_head.{branch}.{level}."
                last = len(getattr(head, branch)[level]) - 1
                if last < 0:
                    continue  # the level had no anchor to begin with
                if kept:
                    slices.append(ChannelSlice(f"{prefix}{last}.", tuple(kept), width))
                else:
                    slices.append(ChannelSlice(prefix, (), width))
        return slices

    def later_names(self, name: str) -> list[str]:
        """See Family; those of mmdet 2.x, and of its SSD when the backbone had the extra layers."""
        names = [pattern.sub(new, name) for pattern, new in _RENAMED]
        extra = _EXTRA.match(name)
        if extra:  # pairs of a 1x1 and a 3x3 convolution, numbered through
            number = int(extra[1])
            names.append(f"neck.extra_layers.{number // 2}.{number % 2}.conv.{extra[2]}")
        return names


def _conv_macs(inputs: int, outputs: int, depthwise: bool) -> int:
    """Multiply-accumulates per cell of a 3x3 convolution, plain or depthwise separable."""
    return 9 * inputs + inputs * outputs if depthwise else 9 * inputs * outputs
