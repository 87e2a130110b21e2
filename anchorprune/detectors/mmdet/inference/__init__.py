"""Running an mmdet detector: over a split, before and after NMS, on single photos."""
