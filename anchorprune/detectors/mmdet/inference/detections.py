"""Detections of a detector with mmdet's own post-processing, and their COCO figures."""

from pathlib import Path
from typing import Any

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.coco import read_coco
from anchorprune.detectors.mmdet.inference.loop import batches
from anchorprune.detectors.mmdet.model import Detector
from anchorprune.errors import UserError
from anchorprune.files import write_json
from anchorprune.heads.cost import cost
from anchorprune.heads.layout import Layout
from anchorprune.metrics.coco_eval import figures


def evaluate(
    detector: Detector, annotations: Path, images: Path, output: Path, provenance: dict[str, Any], batch_size: int = 8
) -> dict[str, Any]:
    """Detect on every image of a split; write `detections.json` (COCO results) and `metrics.json` into `output`.

    Returns:
        The content of `metrics.json`.

    Raises:
        UserError: the split is empty, its categories are not the detector's, or an image is missing.
    """
    truth = read_coco(annotations)
    check_classes(detector, truth, annotations)
    detections = detect(detector, truth, annotations, images, batch_size)
    metrics = {
        "version": 1,
        **figures(truth, detections),
        "images": len(truth.images),
        "detections": len(detections),
        "cost": cost(Layout.full(detector.head)).to_dict(),
        "provenance": provenance,
    }
    write_json(output / "detections.json", detections)
    write_json(output / "metrics.json", metrics)
    return metrics


def detect(
    detector: Detector, truth: Annotations, annotations: Path, images: Path, batch_size: int = 8
) -> list[dict[str, Any]]:
    """Detections of every image of a split, in COCO's results form (boxes x y w h, original pixels)."""
    results = []
    for batch in batches(detector, annotations, images, batch_size, "evaluate"):
        for sample in detector.model.predict(batch["inputs"], batch["data_samples"], rescale=True):
            found = sample.pred_instances
            for (x1, y1, x2, y2), score, label in zip(
                found.bboxes.tolist(), found.scores.tolist(), found.labels.tolist(), strict=True
            ):
                results.append(
                    {
                        "image_id": int(sample.img_id),
                        "category_id": int(truth.category_ids[label]),
                        "bbox": [x1, y1, x2 - x1, y2 - y1],
                        "score": score,
                    }
                )
    return results


def check_classes(detector: Detector, truth: Annotations, source: Path) -> None:
    """See that a split's categories are the detector's.

    Raises:
        UserError: they are not, or the split is empty.
    """
    if not truth.images:
        raise UserError(f"{source}: this split has no images; give it at least one")
    if detector.classes != truth.category_names:
        raise UserError(
            f"{source}: its categories {list(truth.category_names)} are not the detector's {list(detector.classes)}; "
            "use the annotations the detector was trained for"
        )
