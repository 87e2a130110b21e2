"""mmdet detectors with explicit anchor lists; the only package here that imports torch, mmcv, mmengine or mmdet."""
