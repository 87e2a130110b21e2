"""Which head family a head belongs to; a family module says what belongs to each anchor."""

from types import ModuleType

from mmdet.models.dense_heads import SSDHead
from torch import nn

from anchorprune.detectors import ssd
from anchorprune.errors import UserError

_FAMILIES: tuple[tuple[type[nn.Module], ModuleType], ...] = ((SSDHead, ssd),)


def family_of(head: nn.Module) -> ModuleType:
    """The family module of a detection head: `level_macs`, `channel_slices`, `scores`, `mask_anchors`.

    Raises:
        UserError: no family knows this head.
    """
    for kind, family in _FAMILIES:
        if isinstance(head, kind):
            return family
    supported = ", ".join(kind.__name__ for kind, _ in _FAMILIES)
    raise UserError(f"head {type(head).__name__} is not supported; supported heads derive from {supported}")
