"""Detections on image files that belong to no data set."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from mmdet.apis import inference_detector
from mmengine.registry import init_default_scope

from anchorprune.detectors.mmdet.model import Detector
from anchorprune.errors import UserError
from anchorprune.metrics.agreement import Found


def detect_photos(detector: Detector, photos: Sequence[Path]) -> Iterator[Found]:
    """The detections of each photo, by mmdet's own inference.

    Raises:
        UserError: a file cannot be decoded as an image.
    """
    init_default_scope(detector.config.get("default_scope", "mmdet"))
    for photo in photos:
        try:
            sample = inference_detector(detector.model, str(photo))
        except (OSError, AssertionError, AttributeError) as error:  # what mmcv makes of a file that is no image
            raise UserError(f"{photo}: not a readable image ({error or type(error).__name__}); give photos") from None
        found = sample.pred_instances
        order = np.argsort(-found.scores.cpu().numpy(), kind="stable")
        yield Found(
            found.bboxes.cpu().numpy().astype(np.float64)[order],
            found.scores.cpu().numpy().astype(np.float64)[order],
            found.labels.cpu().numpy().astype(np.int64)[order],
            tuple(sample.img_shape[:2]),
        )
