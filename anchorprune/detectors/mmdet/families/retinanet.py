"""The RetinaNet family: levels that share all their convolutions, towers and last ones."""

from mmdet.models.dense_heads import RetinaHead
from mmdet.registry import MODELS

from anchorprune.detectors.mmdet.families.shared_filters import SharedFilterFamily, SharedFilters


@MODELS.register_module()
class PrunableRetinaHead(SharedFilters, RetinaHead):
    """mmdet's RetinaHead with a list of filters per level."""


class RetinaNet(SharedFilterFamily):
    """See Family."""

    plain, prunable = RetinaHead, PrunableRetinaHead
