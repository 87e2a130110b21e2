"""RetinaNet with batch norms of each level's own: all else is shared, as in mmdet's NAS-FPN and EfficientNet ones."""

from mmdet.models.dense_heads import RetinaSepBNHead
from mmdet.registry import MODELS
from mmengine.model import normal_init
from torch import nn

from anchorprune.detectors.mmdet.families.shared_filters import SharedFilterFamily, SharedFilters
from anchorprune.heads.layout import Layout
from anchorprune.heads.slicing import ChannelSlice


@MODELS.register_module()
class PrunableRetinaSepBNHead(SharedFilters, RetinaSepBNHead):
    """mmdet's RetinaSepBNHead with a list of filters per level; a level without any has no batch norms either."""

    def _init_layers(self) -> None:
        super()._init_layers()
        for level, filters in enumerate(self.filters):
            if not filters:
                self.cls_convs[level] = nn.ModuleList()
                self.reg_convs[level] = nn.ModuleList()

    def init_weights(self) -> None:
        """Initialise as mmdet's head, which reaches the shared convolutions through the first level's layers."""
        super().init_weights()
        if not self.filters[0]:
            first = next(level for level, filters in enumerate(self.filters) if filters)
            for layer in (*self.cls_convs[first], *self.reg_convs[first]):
                normal_init(layer.conv, std=0.01)

    def towers(self, level: int) -> tuple[nn.ModuleList, nn.ModuleList]:
        """See SharedFilters."""
        return self.cls_convs[level], self.reg_convs[level]


class RetinaSepBN(SharedFilterFamily):
    """See Family."""

    plain, prunable = RetinaSepBNHead, PrunableRetinaSepBNHead

    def channel_slices(self, head: RetinaSepBNHead, layout: Layout) -> list[ChannelSlice]:
        """See Family; a level without anchors loses its layers."""
        gone = [level for level, kept in enumerate(layout.kept_per_level) if not kept]
        towers = (f"bbox_head.{tower}.{level}." for level in gone for tower in ("cls_convs", "reg_convs"))
        return [*super().channel_slices(head, layout), *(ChannelSlice(tower, (), 1) for tower in towers)]
