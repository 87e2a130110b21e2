"""What our configs name and mmdet must know: importing this module registers it.

A config with `custom_imports = dict(imports=["anchorprune.detectors.mmdet.parts"])` runs with mmdet's own tools.
"""

from anchorprune.detectors.mmdet.config.explicit_anchors import ExplicitAnchorGenerator
from anchorprune.detectors.mmdet.families.registry import FAMILIES
from anchorprune.detectors.mmdet.training.amp import CpuAmpOptimWrapper
from anchorprune.detectors.mmdet.training.hooks import FiniteLossHook, SeedEpochHook
from anchorprune.detectors.mmdet.training.loops import CappedTrainLoop

__all__ = [
    "FAMILIES",
    "CappedTrainLoop",
    "CpuAmpOptimWrapper",
    "ExplicitAnchorGenerator",
    "FiniteLossHook",
    "SeedEpochHook",
]
