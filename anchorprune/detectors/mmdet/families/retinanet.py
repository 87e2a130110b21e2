"""The RetinaNet family: convolutions shared over the levels, of which each level applies the filters of its anchors.

All levels share two towers of stacked convolutions and two last ones, `retina_cls` (`F * C` channels) and
`retina_reg` (`F * 4`), for F anchor shapes. mmdet applies all of them on every level; here a level may have any
subset of the shapes, or none, and computes just those.
"""

from collections.abc import Sequence

from mmdet.models.dense_heads import RetinaHead
from mmdet.registry import MODELS
from mmengine.config import ConfigDict
from torch import Tensor, nn
from torch.nn import functional

from anchorprune.detectors.mmdet.families.dense import Dense, rows
from anchorprune.errors import UserError
from anchorprune.heads.layout import Layout
from anchorprune.heads.slicing import ChannelSlice


@MODELS.register_module()
class PrunableRetinaHead(RetinaHead):
    """mmdet's RetinaHead with a list of filters per level.

    Args:
        num_classes: categories.
        in_channels: channels of every level's features.
        filters: for each level, the shared filter of each of its anchors, in the anchors' order; by default anchor i
            of every level has filter i, as in mmdet.
        kwargs: as mmdet's RetinaHead.
    """

    def __init__(
        self, num_classes: int, in_channels: int, filters: Sequence[Sequence[int]] | None = None, **kwargs
    ) -> None:
        self._given_filters = filters
        super().__init__(num_classes, in_channels, **kwargs)

    def _init_layers(self) -> None:
        counts = self.prior_generator.num_base_priors
        given = self._given_filters
        self.filters = [list(range(n)) for n in counts] if given is None else [list(level) for level in given]
        if [len(level) for level in self.filters] != counts:
            raise ValueError(f"filters {self.filters} do not match the anchors per level {counts}")
        self.num_base_priors = 1 + max(f for level in self.filters for f in level)
        super()._init_layers()

    def forward(self, x: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
        """Per level (N, A * C, H, W) class logits and (N, A * 4, H, W) box deltas."""
        levels = [self._forward_level(feature, filters) for feature, filters in zip(x, self.filters, strict=True)]
        return [scores for scores, _ in levels], [deltas for _, deltas in levels]

    def _forward_level(self, feature: Tensor, filters: Sequence[int]) -> tuple[Tensor, Tensor]:
        if not filters:
            empty = feature.new_zeros(feature.shape[0], 0, *feature.shape[2:])
            return empty, empty
        classes, boxes = feature, feature
        for layer in self.cls_convs:
            classes = layer(classes)
        for layer in self.reg_convs:
            boxes = layer(boxes)
        return (
            _apply(self.retina_cls, classes, filters, self.cls_out_channels),
            _apply(self.retina_reg, boxes, filters, 4),
        )


def _apply(layer: nn.Conv2d, feature: Tensor, filters: Sequence[int], width: int) -> Tensor:
    """A convolution with only some of its filters, each of `width` output channels."""
    channels = ChannelSlice("", tuple(filters), width).channels
    if channels == list(range(layer.out_channels)):
        return layer(feature)
    return functional.conv2d(feature, layer.weight[channels], layer.bias[channels], padding=layer.padding)


PRUNABLE = PrunableRetinaHead.__name__


def level_macs(head: RetinaHead, level: int, grid: tuple[int, int]) -> tuple[int, int]:
    """(fixed, per anchor) multiply-accumulates of one level; the towers are spent once, if it has any anchor.

    Source: METHOD of Bonnaerens et al., CVIU 2022, `H * W * 9 * (8 * 256 * 256 + 256 * n * (classes + 4))`.
    """
    cells, channels, fixed = grid[0] * grid[1], head.in_channels, 0
    for _ in range(head.stacked_convs):
        fixed += 2 * cells * 9 * channels * head.feat_channels
        channels = head.feat_channels
    return fixed, cells * 9 * channels * (head.cls_out_channels + 4)


def channels(head: RetinaHead) -> tuple[int, ...]:
    """Channels of one anchor in each of the head's raw outputs."""
    return head.cls_out_channels, 4


def channel_slices(head: PrunableRetinaHead, layout: Layout) -> list[ChannelSlice]:
    """Which output channels of the shared layers survive: the filters that some level still uses."""
    return _filter_slices(head, _kept_filters(head.filters, layout))


def anchor_slices(head: PrunableRetinaHead, anchors: Sequence[Sequence[int]]) -> list[ChannelSlice]:
    """The output channels of `anchors`, given by position within each level, in that order.

    Raises:
        UserError: the levels, which share their filters, differ in order.
    """
    orders = {tuple(level) for level in anchors}
    if len(orders) > 1 or any(filters != list(range(len(filters))) for filters in head.filters):
        raise UserError("RetinaNet's levels share their filters; list the anchors of every level in the same order")
    return _filter_slices(head, orders.pop())


def _filter_slices(head: PrunableRetinaHead, kept: tuple[int, ...]) -> list[ChannelSlice]:
    return [
        ChannelSlice("bbox_head.retina_cls.", kept, head.cls_out_channels),
        ChannelSlice("bbox_head.retina_reg.", kept, 4),
    ]


def prune_head_config(cfg: ConfigDict, head: PrunableRetinaHead, layout: Layout) -> None:
    """Number the filters that are left anew, in a head's config."""
    position = {old: new for new, old in enumerate(_kept_filters(head.filters, layout))}
    cfg.filters = [
        [position[filters[i]] for i in kept] for filters, kept in zip(head.filters, layout.kept_per_level, strict=True)
    ]


def _kept_filters(filters: Sequence[Sequence[int]], layout: Layout) -> tuple[int, ...]:
    pairs = zip(filters, layout.kept_per_level, strict=True)
    return tuple(sorted({level[i] for level, kept in pairs for i in kept}))


def score_threshold(test_cfg: ConfigDict) -> float:
    """Of the predictions file: the detector's own."""
    return float(test_cfg.get("score_thr", 0))


def dense(head: RetinaHead, outputs: Sequence[Tensor], test_cfg: ConfigDict) -> Dense:
    """One level of one image, (A * C, H, W) class logits and (A * 4, H, W) deltas."""
    scores = rows(outputs[0], head.cls_out_channels).sigmoid()
    return Dense(scores, scores > score_threshold(test_cfg), rows(outputs[1], 4))


def decode(head: RetinaHead, level: int, priors: Tensor, deltas: Tensor, shape: tuple[int, int]) -> Tensor:
    """(n, 4) anchors and deltas -> (n, 4) boxes x1 y1 x2 y2 in input pixels, clipped to `shape` (H, W)."""
    return head.bbox_coder.decode(priors, deltas, max_shape=shape)
