"""Detections of a detector, by its own post-processing, and their figures."""

from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.coco import read_coco
from anchorprune.detectors.class_check import check_classes
from anchorprune.detectors.compared import compared
from anchorprune.detectors.folder import trained_of
from anchorprune.detectors.protocols import Detector
from anchorprune.errors import UserError
from anchorprune.files import write_json
from anchorprune.heads.cost import cost
from anchorprune.heads.detections import SplitDetections
from anchorprune.heads.layout import Layout
from anchorprune.metrics.coco_eval import counts, evaluator, figures


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
        UserError: the split is empty, its categories are not the detector's, or an image is missing or
            damaged.
    """
    truth = read_coco(annotations)
    check_classes(detector, truth, annotations)
    results = detect(detector, truth, annotations, images)
    metrics = {
        "version": 1,
        **figures(truth, results),
        "evaluator": evaluator(),
        **counts(truth),
        "detections": len(results),
        "cost": cost(Layout.full(detector.head)).to_dict(),
        **({"parameters": detector.parameters} if hasattr(detector, "parameters") else {}),
        "trained": trained_of(detector.source.parent),
        **({"change": compared(truth, results, reference, threads)} if reference else {}),
        "provenance": provenance,
    }
    results.save(output / "detections.json")
    write_json(output / "metrics.json", metrics)
    return metrics


def detect(detector: Detector, truth: Annotations, annotations: Path, images: Path) -> SplitDetections:
    """Detections of every image of a split.

    Raises:
        UserError: an image is missing or damaged, or a detection is no number.
    """
    found = SplitDetections.joined(detector.detections(annotations, images), truth.category_ids)
    if not (np.isfinite(found.boxes).all() and np.isfinite(found.scores).all()):
        raise UserError(f"{detector.source}: detects boxes that are no numbers; these weights are damaged, train again")
    return found
