"""Detections on image files that belong to no data set."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from mmdet.apis import inference_detector
from mmengine.registry import init_default_scope

from anchorprune.datasets.image_check import decoded_size
from anchorprune.detectors.mmdet.built import BuiltDetector
from anchorprune.detectors.mmdet.inference.found import as_detections
from anchorprune.errors import UserError
from anchorprune.heads.detections import Detections


def detect_photos(detector: BuiltDetector, photos: Sequence[Path]) -> Iterator[Detections]:
    """The detections of each photo, by mmdet's own inference.

    Raises:
        UserError: a file is no image, or a damaged one.
    """
    init_default_scope(detector.config.get("default_scope", "mmdet"))
    detector.model.cfg = detector.config  # inference_detector reads its test pipeline there
    for photo in photos:
        decoded_size(photo)  # OpenCV fills what a cut file lacks with grey, and says nothing
        try:
            sample = inference_detector(detector.model, str(photo))
        except (OSError, AssertionError, AttributeError) as error:  # what mmcv makes of a file that it cannot read
            raise UserError(f"{photo}: not a readable image ({error or type(error).__name__}); give photos") from None
        found = as_detections(sample)
        order = np.argsort(-found.scores, kind="stable")
        yield Detections(found.boxes[order], found.scores[order], found.labels[order], found.input_shape)
