"""Levels that share their last convolutions, of which each applies the filters of its own anchors.

mmdet applies all filters, `F * C` channels of `retina_cls` and `F * 4` of `retina_reg` for F anchor shapes, on every
level. Here a level may have any subset of the shapes, or none, and computes just those.
"""

from collections.abc import Sequence
from typing import Any

from mmdet.models.dense_heads.anchor_head import AnchorHead
from mmengine.config import ConfigDict
from torch import Tensor, nn
from torch.nn import functional

from anchorprune.detectors.mmdet.families.deltas import DeltaFamily
from anchorprune.errors import UserError
from anchorprune.heads.layout import Layout
from anchorprune.heads.slicing import ChannelSlice


class SharedFilters:
    """To be put before a head of mmdet's with `retina_cls` and `retina_reg`.

    Args:
        args: as mmdet's head.
        filters: for each level, the shared filter of each of its anchors, in the anchors' order; by default anchor i
            of every level has filter i, as in mmdet.
        kwargs: as mmdet's head.
    """

    def __init__(self, *args: Any, filters: Sequence[Sequence[int]] | None = None, **kwargs: Any) -> None:
        self._given_filters = filters
        super().__init__(*args, **kwargs)

    def _init_layers(self) -> None:
        counts = self.prior_generator.num_base_priors
        given = self._given_filters
        self.filters = [list(range(n)) for n in counts] if given is None else [list(level) for level in given]
        if [len(level) for level in self.filters] != counts:
            raise ValueError(f"filters {self.filters} do not match the anchors per level {counts}")
        self.num_base_priors = 1 + max(f for level in self.filters for f in level)
        super()._init_layers()

    def towers(self, level: int) -> tuple[nn.ModuleList, nn.ModuleList]:
        """The convolutions before the last one of a level's classes, and of its boxes."""
        return self.cls_convs, self.reg_convs

    def forward(self, x: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
        """Per level (N, A * C, H, W) class logits and (N, A * 4, H, W) box deltas."""
        levels = [self._forward_level(level, feature) for level, feature in enumerate(x)]
        return [scores for scores, _ in levels], [deltas for _, deltas in levels]

    def _forward_level(self, level: int, feature: Tensor) -> tuple[Tensor, Tensor]:
        filters = self.filters[level]
        if not filters:
            empty = feature.new_zeros(feature.shape[0], 0, *feature.shape[2:])
            return empty, empty
        classes, boxes = feature, feature
        class_tower, box_tower = self.towers(level)
        for layer in class_tower:
            classes = layer(classes)
        for layer in box_tower:
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


class SharedFilterFamily(DeltaFamily):
    """What follows from the sharing; `prunable` is a `SharedFilters`.

    mmdet's heads take the same shapes in the same order on every level.
    """

    generators = ("AnchorGenerator", "YOLOAnchorGenerator")

    def level_macs(self, head: AnchorHead, level: int, grid: tuple[int, int]) -> tuple[int, int]:
        """See Family; the towers are spent once, if the level has any anchor.

        Source: METHOD of Bonnaerens et al., CVIU 2022, `H * W * 9 * (8 * 256 * 256 + 256 * n * (classes + 4))`.
        """
        cells, channels, fixed = grid[0] * grid[1], head.in_channels, 0
        for _ in range(head.stacked_convs):
            fixed += 2 * cells * 9 * channels * head.feat_channels
            channels = head.feat_channels
        return fixed, cells * 9 * channels * (head.cls_out_channels + 4)

    def channel_slices(self, head: AnchorHead, layout: Layout) -> list[ChannelSlice]:
        """See Family; of the shared layers, the filters that some level still uses."""
        return _filter_slices(head, _kept_filters(head.filters, layout))

    def anchor_slices(self, head: AnchorHead, anchors: Sequence[Sequence[int]]) -> list[ChannelSlice]:
        """See Family; all levels must have the same order.

        Raises:
            UserError: the levels, which share their filters, differ in order.
        """
        orders = {tuple(level) for level in anchors}
        if len(orders) > 1 or not _every_filter_everywhere(head.filters):
            raise UserError("RetinaNet's levels share their filters; list the anchors of every level in the same order")
        return _filter_slices(head, orders.pop())

    def prune_config(self, cfg: ConfigDict, head: AnchorHead, layout: Layout) -> None:
        """See Family; the filters that are left are numbered anew."""
        position = {old: new for new, old in enumerate(_kept_filters(head.filters, layout))}
        pairs = zip(head.filters, layout.kept_per_level, strict=True)
        cfg.filters = [[position[filters[i]] for i in kept] for filters, kept in pairs]

    def plain_config(self, cfg: ConfigDict) -> None:
        """See Family.

        Raises:
            UserError: a level has its own choice of filters.
        """
        if not _every_filter_everywhere(cfg.pop("filters", [])):
            name = self.plain.__name__
            raise UserError(f"mmdet's {name} applies its filters on every level; here a level has its own choice")


def _filter_slices(head: AnchorHead, kept: tuple[int, ...]) -> list[ChannelSlice]:
    return [
        ChannelSlice("bbox_head.retina_cls.", kept, head.cls_out_channels),
        ChannelSlice("bbox_head.retina_reg.", kept, 4),
    ]


def _kept_filters(filters: Sequence[Sequence[int]], layout: Layout) -> tuple[int, ...]:
    pairs = zip(filters, layout.kept_per_level, strict=True)
    return tuple(sorted({level[i] for level, kept in pairs for i in kept}))


def _every_filter_everywhere(filters: Sequence[Sequence[int]]) -> bool:
    """Whether anchor i of every level has filter i, as in mmdet."""
    return all(list(level) == list(range(len(level))) for level in filters)
