"""mmdet's own prediction as a call to be timed."""

from collections.abc import Callable

import numpy as np
import torch

from anchorprune.detectors.mmdet.built import BuiltDetector
from anchorprune.detectors.mmdet.export import normalised


def torch_call(detector: BuiltDetector) -> Callable[[np.ndarray], object]:
    """From one image's pixels (1, 3, H, W) to detections, by mmdet's own prediction."""
    model, head = detector.model, detector.model.bbox_head
    width, height = detector.head.input_size
    metas = [{"img_shape": (height, width), "scale_factor": (1.0, 1.0)}]

    def run(pixels: np.ndarray) -> object:
        with torch.inference_mode():
            images = normalised(model.data_preprocessor, torch.from_numpy(pixels).to(detector.device))
            found = head.predict_by_feat(*head(model.extract_feat(images)), batch_img_metas=metas)
            return [one.cpu() for one in found]  # a GPU has then done its work

    return run
