"""The figures of a split's detections: COCO's, by pycocotools, and PASCAL VOC's where the data set is one."""

import contextlib
import io
from importlib.metadata import version
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from anchorprune.datasets.annotations import Annotations
from anchorprune.heads.detections import SplitDetections
from anchorprune.metrics.by_class import evaluated
from anchorprune.metrics.voc_eval import voc_figures

# COCO's twelve figures in the order of COCOeval.stats.
FIGURES = (
    "ap",
    "ap50",
    "ap75",
    "ap_small",
    "ap_medium",
    "ap_large",
    "ar_1",
    "ar_10",
    "ar_100",
    "ar_small",
    "ar_medium",
    "ar_large",
)


def evaluator() -> dict[str, str]:
    """What computes COCO's figures: its name and version."""
    return {"name": "pycocotools", "version": version("pycocotools")}


def counts(truth: Annotations) -> dict[str, int]:
    """What figures are measured on: `images`, `ground_truths` (every box) and `crowds` (those that are ignored)."""
    return {"images": len(truth.images), "ground_truths": len(truth.ids), "crowds": int(truth.iscrowd.sum())}


def figures(truth: Annotations, detections: SplitDetections) -> dict[str, Any]:
    """`coco_figures`, and `voc_figures` where the ground truth has PASCAL VOC's `difficult` flag."""
    return coco_figures(truth, detections) | (voc_figures(truth, detections) if truth.difficult is not None else {})


def coco_figures(truth: Annotations, detections: SplitDetections) -> dict[str, Any]:
    """COCO's twelve figures and the AP of each class.

    Returns:
        `ap` .. `ar_large` in 0..1, or -1 where there is no ground truth to measure on (as pycocotools says it), and
        `per_class`: category name -> AP.
    """
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints as it goes
        evaluation = evaluated(_as_coco(truth), detections)
        evaluation.summarize()
    figures = {name: float(value) for name, value in zip(FIGURES, evaluation.stats, strict=True)}
    precision = evaluation.eval["precision"][:, :, :, 0, -1]  # (IoU thresholds, recalls, classes): all areas, 100 boxes
    return {**figures, "per_class": dict(zip(truth.category_names, _class_means(precision), strict=True))}


def _class_means(precision: np.ndarray) -> list[float]:
    columns = (precision[:, :, k] for k in range(precision.shape[2]))
    return [float(column[column > -1].mean()) if (column > -1).any() else -1.0 for column in columns]


def _as_coco(truth: Annotations) -> COCO:
    """A pycocotools COCO object of annotations in memory."""
    coco = COCO()
    image_ids = truth.image_ids
    coco.dataset = {
        "info": {},
        "images": [{"id": i.id, "file_name": i.file_name, "width": i.width, "height": i.height} for i in truth.images],
        "categories": [
            {"id": int(k), "name": name} for k, name in zip(truth.category_ids, truth.category_names, strict=True)
        ],
        "annotations": [
            {
                "id": int(truth.ids[n]),  # as in the file: to pycocotools a match with an id of 0 is none
                "image_id": int(image_ids[truth.image_index[n]]),
                "category_id": int(truth.category_ids[truth.category_index[n]]),
                "bbox": truth.boxes[n].tolist(),
                "area": float(truth.area[n]),
                "iscrowd": int(truth.iscrowd[n]),
            }
            for n in range(len(truth.ids))
        ],
    }
    coco.createIndex()
    return coco
