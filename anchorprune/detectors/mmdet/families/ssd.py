"""The SSD family: a head with any number of anchors per level, and what belongs to each anchor.

On each level SSD predicts with two convolutions of its own: `A * (C + 1)` class channels (background last) and
`A * 4` box channels, both with the anchor as the slowest index.
"""

from collections.abc import Sequence

from mmdet.models.dense_heads import SSDHead
from mmdet.registry import MODELS
from mmengine.config import ConfigDict
from torch import Tensor, nn

from anchorprune.detectors.mmdet.families.dense import Dense, rows
from anchorprune.heads.layout import Layout
from anchorprune.heads.slicing import ChannelSlice


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


PRUNABLE = PrunableSSDHead.__name__


def level_macs(head: SSDHead, level: int, grid: tuple[int, int]) -> tuple[int, int]:
    """(fixed, per anchor) multiply-accumulates of one level.

    Source of the plain form, `H * W * 9 * C_in * n * (classes + 1 + 4)`: METHOD of Bonnaerens et al., CVIU 2022.
    With a stacked tower or depthwise convolutions the part shared by the level's anchors is the fixed one.
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


def _conv_macs(inputs: int, outputs: int, depthwise: bool) -> int:
    """Multiply-accumulates per cell of a 3x3 convolution, plain or depthwise separable."""
    return 9 * inputs + inputs * outputs if depthwise else 9 * inputs * outputs


def channels(head: SSDHead) -> tuple[int, ...]:
    """Channels of one anchor in each of the head's raw outputs."""
    return head.cls_out_channels, 4


def channel_slices(head: SSDHead, layout: Layout) -> list[ChannelSlice]:
    """Which output channels of which layers survive in `layout`."""
    return anchor_slices(head, layout.kept_per_level)


def anchor_slices(head: SSDHead, anchors: Sequence[Sequence[int]]) -> list[ChannelSlice]:
    """The output channels of each level's `anchors`, given by position within the level, in that order."""
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


def prune_head_config(cfg: ConfigDict, head: SSDHead, layout: Layout) -> None:
    """Nothing beyond the anchor list: every level has layers of its own."""


def score_threshold(test_cfg: ConfigDict) -> float:
    """Of the predictions file: the detector's own."""
    return float(test_cfg.get("score_thr", 0))


def dense(head: SSDHead, outputs: Sequence[Tensor], test_cfg: ConfigDict) -> Dense:
    """One level of one image, (A * (C + 1), H, W) class logits and (A * 4, H, W) deltas; background is left out."""
    scores = rows(outputs[0], head.cls_out_channels).softmax(-1)[:, :-1]
    return Dense(scores, scores > score_threshold(test_cfg), rows(outputs[1], 4))


def decode(head: SSDHead, level: int, priors: Tensor, deltas: Tensor, shape: tuple[int, int]) -> Tensor:
    """(n, 4) anchors and deltas -> (n, 4) boxes x1 y1 x2 y2 in input pixels, clipped to `shape` (H, W)."""
    return head.bbox_coder.decode(priors, deltas, max_shape=shape)
