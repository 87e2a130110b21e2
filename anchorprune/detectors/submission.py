"""A detector's detections on images without annotations, as a submission to COCO's server."""

from pathlib import Path
from typing import Any

from anchorprune.datasets.coco import read_image_info
from anchorprune.detectors.class_check import check_classes
from anchorprune.detectors.evaluate import detect
from anchorprune.detectors.protocols import Detector
from anchorprune.metrics.test_dev import check_categories, check_results, results_name, write_submission


def submit(detector: Detector, image_info: Path, images: Path, name: str, output: Path) -> dict[str, Any]:
    """Detect on every image of an image-info file and write the zip into `output`.

    Returns:
        The zip's path and the numbers of images and detections.

    Raises:
        UserError: the name cannot be a file's, the categories are not COCO's 80 or not the detector's, or an image is
            missing.
    """
    results_name(name)
    known = read_image_info(image_info)
    check_categories(known.category_ids.tolist(), image_info)
    check_classes(detector, known, image_info)
    results = detect(detector, known, image_info, images)
    check_results(results, known.image_ids, known.category_ids)
    path = write_submission(results, output, name)
    return {"output": str(path), "images": len(known.images), "detections": len(results)}
