"""Which head family a head belongs to; a family module says what belongs to each anchor."""

from types import ModuleType

from mmdet.models.dense_heads import RetinaHead, SSDHead, YOLOV3Head
from torch import nn

from anchorprune.detectors.mmdet.families import retinanet, ssd, yolo
from anchorprune.errors import UserError

_FAMILIES: tuple[tuple[type[nn.Module], ModuleType], ...] = (
    (SSDHead, ssd),
    (RetinaHead, retinanet),
    (YOLOV3Head, yolo),
)


def family_of(head: nn.Module) -> ModuleType:
    """The family module of a detection head; errors as `family_of_class`."""
    return family_of_class(type(head))


def family_of_class(kind: type[nn.Module]) -> ModuleType:
    """The family module of a class of heads.

    It has `PRUNABLE` (the class that takes explicit anchors), `level_macs`, `channels`, `channel_slices`,
    `anchor_slices`, `prune_head_config`, `score_threshold`, `dense` and `decode`.

    Raises:
        UserError: no family knows this head.
    """
    for parent, family in _FAMILIES:
        if isinstance(kind, type) and issubclass(kind, parent):
            return family
    name = getattr(kind, "__name__", kind)
    raise UserError(f"head {name} is not supported; supported heads are, or derive from, {supported()}")


def supported() -> str:
    """The heads whose families are known, to be told to a user."""
    return ", ".join(parent.__name__ for parent, _ in _FAMILIES)
