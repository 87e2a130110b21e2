"""mmdet's own detectors: its configs, read as a user's would be."""

from pathlib import Path

import mmdet
from mmengine.config import Config

from anchorprune.detectors.mmdet.config.compose import OWN_KEY

CONFIGS = Path(mmdet.__path__[0]) / ".mim/configs"

# mmdet's config, and the (W, H) at which it is tried
DETECTORS = {
    "ssd/ssd300_coco.py": (300, 300),
    "ssd/ssd512_coco.py": (512, 512),
    "ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco.py": (320, 320),
    "retinanet/retinanet_r18_fpn_1x_coco.py": (320, 256),
    "yolo/yolov3_mobilenetv2_8xb24-320-300e_coco.py": (320, 320),
    "nas_fpn/retinanet_r50_fpn_crop640-50e_coco.py": (256, 192),
}


def read(name: str, size: tuple[int, int]) -> Config:
    """A config of mmdet's with the (W, H) of its input, and classes that are called by their numbers."""
    cfg = Config.fromfile(str(CONFIGS / name))
    cfg[OWN_KEY] = {"head": Path(name).stem, "input_size": size, "classes": [str(i) for i in range(80)]}
    return cfg
