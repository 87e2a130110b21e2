"""The head families of torchvision's builders."""

from anchorprune.detectors.torchvision.architectures import ARCHITECTURES
from anchorprune.detectors.torchvision.families.family import Family
from anchorprune.detectors.torchvision.families.retinanet import RetinaNetFamily
from anchorprune.detectors.torchvision.families.ssd import SsdFamily

FAMILIES: dict[str, Family] = {"ssd": SsdFamily(), "retinanet": RetinaNetFamily()}


def family_of(architecture: str) -> Family:
    """The family of a builder's head."""
    return FAMILIES[ARCHITECTURES[architecture].family]
