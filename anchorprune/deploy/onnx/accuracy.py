"""COCO's figures of exported models, run by ONNX Runtime."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.coco import read_coco
from anchorprune.deploy.onnx.images import prepare
from anchorprune.deploy.onnx.session import OnnxDetector
from anchorprune.errors import UserError
from anchorprune.files import write_json
from anchorprune.heads.detections import SplitDetections
from anchorprune.metrics.coco_eval import coco_figures, counts, evaluator
from anchorprune.progress_bar import progress_bar


def evaluate(
    models: Mapping[str, Path], annotations: Path, images: Path, output: Path, provenance: dict[str, Any], threads: int
) -> dict[str, Any]:
    """Write `metrics-onnx.json` into `output`: the figures of each model on a split.

    Returns:
        Its content.

    Raises:
        UserError: the split is empty, its categories are not the model's, or an image is missing or damaged.
    """
    truth = read_coco(annotations)
    if not truth.images:
        raise UserError(f"{annotations}: this split has no images; give it at least one")
    figures = {}
    for name, path in models.items():
        detector = OnnxDetector(path, threads)
        _check_classes(detector, truth, annotations)
        detections = detect(detector, truth, images, name)
        figures[name] = {**coco_figures(truth, detections), "detections": len(detections)}
    facts = {"evaluator": evaluator(), **counts(truth)}
    metrics = {"version": 1, **facts, "models": figures, "provenance": provenance}
    write_json(output / "metrics-onnx.json", metrics)
    return metrics


def detect(detector: OnnxDetector, truth: Annotations, images: Path, title: str) -> SplitDetections:
    """Detections of every image of a split."""
    bar = progress_bar(truth.images, title=title, unit="image")
    form = detector.metadata.input
    found = ((image.id, detector.detect(prepare(images / image.file_name, form))) for image in bar)
    return SplitDetections.joined(found, truth.category_ids)


def _check_classes(detector: OnnxDetector, truth: Annotations, source: Path) -> None:
    if detector.metadata.classes != truth.category_names:
        raise UserError(
            f"{source}: its categories {list(truth.category_names)} are not the model's "
            f"{list(detector.metadata.classes)}; use the annotations the detector was trained for"
        )
