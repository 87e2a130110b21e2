"""Raw predictions of a detector, streamed image by image: every (box, class) pair above the threshold, before NMS."""

from pathlib import Path
from typing import Any

from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.predicted import split_fingerprint
from anchorprune.detectors.class_check import check_classes
from anchorprune.detectors.protocols import Detector
from anchorprune.heads.predictions import PredictionsWriter


def predict(detector: Detector, annotations: Path, images: Path, output: Path, provenance: dict[str, Any]) -> int:
    """Write `predictions.parquet` for a split; memory does not grow with the number of images.

    Its provenance is the one given and, as `annotations`, the split's fingerprint.

    Returns:
        The number of candidates written.

    Raises:
        UserError: the split is empty, its categories are not the detector's, or an image is missing or damaged.
    """
    truth = read_coco(annotations)
    check_classes(detector, truth, annotations)
    count = 0
    facts = provenance | {"annotations": split_fingerprint(truth)}
    with PredictionsWriter(output, detector.head, detector.postprocess, facts) as writer:
        for found in detector.candidates(annotations, images):
            categories = truth.category_ids[found.label]
            writer.add(found.image_id, categories, found.anchor, found.score, found.boxes)
            count += len(found.score)
    return count
