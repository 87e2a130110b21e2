"""pycocotools' evaluation class by class: it keeps some thousand bytes of each detection that it is given at once."""

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from anchorprune.heads.detections import SplitDetections


def evaluated(truth: COCO, detections: SplitDetections) -> COCOeval:
    """What pycocotools accumulates of all detections, ready to `summarize`.

    A class's figures depend on its own boxes alone, and images that have none of them add nothing.
    """
    whole = COCOeval(truth, None, "bbox")
    parts = [_of_class(truth, detections, category) for category in whole.params.catIds]
    whole.eval = {key: np.concatenate([part[key] for part in parts], axis=-3) for key in ("precision", "recall")}
    return whole


def _of_class(truth: COCO, detections: SplitDetections, category: int) -> dict[str, np.ndarray]:
    """`precision` (IoU thresholds, recalls, 1, areas, limits) and `recall` (IoU thresholds, 1, areas, limits)."""
    found = detections.chosen(detections.category_ids == category)
    evaluation = COCOeval(truth, _as_coco(found), "bbox")
    evaluation.params.catIds = [category]
    evaluation.params.imgIds = sorted({*truth.getImgIds(catIds=[category]), *found.image_ids.tolist()})
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation.eval


def _as_coco(found: SplitDetections) -> COCO:
    """Detections as pycocotools' `loadRes` would make them, without outlines, which boxes do not need."""
    coco = COCO()
    areas = (found.boxes[:, 2] * found.boxes[:, 3]).tolist()
    coco.dataset = {
        "annotations": [
            {**row, "id": number, "area": area, "iscrowd": 0}
            for number, (row, area) in enumerate(zip(found.rows(), areas, strict=True), start=1)
        ]
    }
    coco.createIndex()
    return coco
