"""COCO's figures of exported models, run by ONNX Runtime."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.coco import read_coco
from anchorprune.deploy.onnx.images import prepare
from anchorprune.deploy.onnx.runtimes import Opened
from anchorprune.deploy.onnx.session import OnnxDetector
from anchorprune.deploy.sample import sampled
from anchorprune.errors import UserError
from anchorprune.files import write_json
from anchorprune.heads.detections import SplitDetections
from anchorprune.metrics.coco_eval import coco_figures, counts, evaluator
from anchorprune.progress_bar import progress_bar
from anchorprune.scoring.certainty import interval


def evaluate(
    models: Mapping[str, Path],
    annotations: Path,
    images: Path,
    output: Path,
    provenance: dict[str, Any],
    threads: int,
    most: int | None = None,
    others: Sequence[Opened] = (),
) -> dict[str, Any]:
    """Write `metrics-onnx.json` into `output`: the figures of each model on a split, and its AP's `interval`.

    The interval is a 95 % one of a bootstrap over the images.

    Args:
        models: file of each.
        annotations: of the split.
        images: folder of its images.
        output: folder.
        provenance: what to say of the making.
        threads: of ONNX Runtime and of the interval.
        most: images, evenly spread over the split; None: all.
        others: the end-to-end model in other runtimes; their figures are those of `model in RUNTIME`.

    Returns:
        Its content.

    Raises:
        UserError: the split is empty, its categories are not the model's, or an image is missing or damaged.
    """
    split = read_coco(annotations)
    if not split.images:
        raise UserError(f"{annotations}: this split has no images; give it at least one")
    truth = split if most is None else sampled(split, most)
    figures = {}
    opened = ((name, OnnxDetector(path, threads)) for name, path in models.items())
    for name, detector in (*opened, *((f"model in {other.name}", other) for other in others)):
        _check_classes(detector, truth, annotations)
        detections = detect(detector, truth, images, name)
        ends = {"interval": interval(truth, detections, threads), "detections": len(detections)}
        figures[name] = {**coco_figures(truth, detections), **ends}
    facts = {"evaluator": evaluator(), **counts(truth), "split_images": len(split.images)}
    metrics = {"version": 1, **facts, "models": figures, "provenance": provenance}
    write_json(output / "metrics-onnx.json", metrics)
    return metrics


def detect(detector: OnnxDetector | Opened, truth: Annotations, images: Path, title: str) -> SplitDetections:
    """Detections of every image of a split."""
    bar = progress_bar(truth.images, title=title, unit="image")
    form = detector.metadata.input
    found = ((image.id, detector.detect(prepare(images / image.file_name, form))) for image in bar)
    return SplitDetections.joined(found, truth.category_ids)


def _check_classes(detector: OnnxDetector | Opened, truth: Annotations, source: Path) -> None:
    if detector.metadata.classes != truth.category_names:
        raise UserError(
            f"{source}: its categories {list(truth.category_names)} are not the model's "
            f"{list(detector.metadata.classes)}; use the annotations the detector was trained for"
        )
