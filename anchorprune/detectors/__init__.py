"""mmdet detectors with explicit anchor lists; the only package here that imports torch, mmcv, mmengine or mmdet.

Importing it registers the parts that our configs name, so a config with
`custom_imports = dict(imports=["anchorprune.detectors"])` runs with mmdet's own tools.
"""

from anchorprune.detectors.amp import CpuAmpOptimWrapper
from anchorprune.detectors.anchors import ExplicitAnchorGenerator
from anchorprune.detectors.capped import CappedTrainLoop
from anchorprune.detectors.hooks import FiniteLossHook, SeedEpochHook
from anchorprune.detectors.retinanet import PrunableRetinaHead
from anchorprune.detectors.ssd import PrunableSSDHead
from anchorprune.detectors.yolo import PrunableYOLOV3Head

__all__ = [
    "CappedTrainLoop",
    "CpuAmpOptimWrapper",
    "ExplicitAnchorGenerator",
    "FiniteLossHook",
    "PrunableRetinaHead",
    "PrunableSSDHead",
    "PrunableYOLOV3Head",
    "SeedEpochHook",
]
