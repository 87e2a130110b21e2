"""Detections of a detector over a split, by mmdet's own post-processing."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from mmdet.structures import DetDataSample

from anchorprune.detectors.mmdet.built import BuiltDetector
from anchorprune.detectors.mmdet.inference.loop import prepared_images
from anchorprune.heads.detections import Detections


def split_detections(detector: BuiltDetector, annotations: Path, images: Path) -> Iterator[tuple[int, Detections]]:
    """The id and the detections of each image of a split, in mmdet's order.

    Raises:
        UserError: an image is missing or damaged.
    """
    for batch in prepared_images(detector, annotations, images, "evaluate"):
        for sample in detector.model.predict(batch["inputs"], batch["data_samples"], rescale=True):
            yield int(sample.img_id), as_detections(sample)


def as_detections(sample: DetDataSample) -> Detections:
    """What mmdet found on an image, in its order."""
    found = sample.pred_instances
    return Detections(
        found.bboxes.cpu().numpy().astype(np.float64),
        found.scores.cpu().numpy().astype(np.float64),
        found.labels.cpu().numpy().astype(np.int64),
        tuple(sample.img_shape[:2]),
    )
