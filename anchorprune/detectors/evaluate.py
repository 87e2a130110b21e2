"""Detections of a detector, by its own post-processing, and their figures."""

from pathlib import Path
from typing import Any

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.coco import read_coco
from anchorprune.detectors.class_check import check_classes
from anchorprune.detectors.compared import compared
from anchorprune.detectors.folder import trained_of
from anchorprune.detectors.protocols import Detector
from anchorprune.files import write_json
from anchorprune.heads.cost import cost
from anchorprune.heads.detections import Detections
from anchorprune.heads.layout import Layout
from anchorprune.metrics.coco_eval import figures


def evaluate(
    detector: Detector,
    annotations: Path,
    images: Path,
    output: Path,
    provenance: dict[str, Any],
    reference: Path | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """Detect on every image of a split; write `detections.json` (COCO results) and `metrics.json` into `output`.

    With `reference`, the folder of another detector's evaluation on the same split, `metrics.json` has the `change`
    against it, see `compared`.

    Returns:
        The content of `metrics.json`.

    Raises:
        UserError: the split is empty, its categories are not the detector's, or an image is missing.
    """
    truth = read_coco(annotations)
    check_classes(detector, truth, annotations)
    results = detect(detector, truth, annotations, images)
    metrics = {
        "version": 1,
        **figures(truth, results),
        "images": len(truth.images),
        "detections": len(results),
        "cost": cost(Layout.full(detector.head)).to_dict(),
        "trained": trained_of(detector.source.parent),
        **({"change": compared(truth, results, reference, threads)} if reference else {}),
        "provenance": provenance,
    }
    write_json(output / "detections.json", results)
    write_json(output / "metrics.json", metrics)
    return metrics


def detect(detector: Detector, truth: Annotations, annotations: Path, images: Path) -> list[dict[str, Any]]:
    """Detections of every image of a split, in COCO's results form (boxes x y w h, original pixels)."""
    found = detector.detections(annotations, images)
    return [row for image_id, detections in found for row in _as_results(image_id, detections, truth)]


def _as_results(image_id: int, found: Detections, truth: Annotations) -> list[dict[str, Any]]:
    columns = found.boxes.tolist(), found.scores.tolist(), truth.category_ids[found.labels].tolist()
    return [
        {"image_id": image_id, "category_id": category, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score}
        for (x1, y1, x2, y2), score, category in zip(*columns, strict=True)
    ]
