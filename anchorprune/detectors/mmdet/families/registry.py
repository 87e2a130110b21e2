"""The head families, and which one a head belongs to."""

from torch import nn

from anchorprune.detectors.mmdet.families.family import Family
from anchorprune.detectors.mmdet.families.retina_sepbn import RetinaSepBN
from anchorprune.detectors.mmdet.families.retinanet import RetinaNet
from anchorprune.detectors.mmdet.families.ssd import SSD
from anchorprune.detectors.mmdet.families.yolo import YOLOv3
from anchorprune.errors import UserError

FAMILIES: tuple[Family, ...] = (SSD(), RetinaNet(), YOLOv3(), RetinaSepBN())


def family_of(head: nn.Module) -> Family:
    """The family of a detection head; errors as `family_of_class`."""
    return family_of_class(type(head))


def family_of_class(kind: type[nn.Module]) -> Family:
    """The family of a class of heads.

    Raises:
        UserError: no family knows this head.
    """
    for family in FAMILIES:
        if isinstance(kind, type) and issubclass(kind, family.plain):
            return family
    name = getattr(kind, "__name__", kind)
    raise UserError(f"head {name} is not supported; supported heads are, or derive from, {supported()}")


def supported() -> str:
    """The heads whose families are known, to be told to a user."""
    return ", ".join(family.plain.__name__ for family in FAMILIES)
