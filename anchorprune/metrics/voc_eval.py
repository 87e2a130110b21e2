"""PASCAL VOC's mean average precision at IoU 0.5: the area under the curve (2010 and later), and 11 points (2007).

As the development kit defines it (Everingham et al., "The PASCAL VOC challenge", IJCV 2010; VOCdevkit's VOCevaldet.m):
class by class, detections by falling score; each is compared with the object of its class it overlaps most. At IoU 0.5
or more it is right if no detection has taken that object before, else wrong; below, it is wrong. A `difficult` object
makes a detection neither right nor wrong, and is not counted as one to find. The kit's boxes are of whole pixels, its
widths xmax - xmin + 1; those are the w and h of `Annotations`, so that areas agree.
"""

from typing import Any

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.heads.detections import SplitDetections
from anchorprune.metrics.overlap import iou

_IOU = 0.5
_POINTS = 11  # recalls 0, 0.1, .. 1


def voc_figures(truth: Annotations, detections: SplitDetections) -> dict[str, Any]:
    """VOC's mAP in both forms, and each class's AP.

    Args:
        truth: the ground truth of the split; its `difficult` flags count, its crowds do not.
        detections: their order breaks score ties.

    Returns:
        `voc_map`, `voc_map_11point`, and `voc_per_class`, `voc_per_class_11point` by category name. In 0..1, or -1
        where there is no object to find.
    """
    found = _columns(detections)
    areas, points = {}, {}
    for k, (number, name) in enumerate(zip(truth.category_ids.tolist(), truth.category_names, strict=True)):
        right, wrong, objects = _marked(truth, k, found[found[:, 1] == number])
        areas[name] = area_under_curve(right, wrong, objects)
        points[name] = eleven_points(right, wrong, objects)
    return {
        "voc_map": _mean(areas),
        "voc_map_11point": _mean(points),
        "voc_per_class": areas,
        "voc_per_class_11point": points,
    }


def area_under_curve(right: np.ndarray, wrong: np.ndarray, objects: int) -> float:
    """Area under precision over recall, precision made falling from the right; -1 without objects.

    Args:
        right: (N,) bool, by falling score: the detection finds an object.
        wrong: (N,) bool: it finds none. Neither: it is ignored.
        objects: how many there are to find.
    """
    if not objects:
        return -1.0
    precision = _falling_precision(right, wrong)
    return float(precision[right].sum() / objects)  # each object found widens the recall by 1 / objects


def eleven_points(right: np.ndarray, wrong: np.ndarray, objects: int) -> float:
    """Mean of the highest precision at recall 0, 0.1, .. 1 or more; arguments as for `area_under_curve`."""
    if not objects:
        return -1.0
    precision = np.append(_falling_precision(right, wrong), 0.0)
    hits = np.cumsum(right)
    # Whole numbers, hits / objects >= tenth / 10: 0.1 has no exact float, and 3 of 10 objects are a recall of 0.3.
    first = np.searchsorted(hits * (_POINTS - 1), np.arange(_POINTS) * objects)
    return float(precision[first].mean())


def _falling_precision(right: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """(N,) the highest precision from each detection on."""
    hits, misses = np.cumsum(right), np.cumsum(wrong)
    precision = hits / np.maximum(hits + misses, 1)
    return np.maximum.accumulate(precision[::-1])[::-1]


def _columns(detections: SplitDetections) -> np.ndarray:
    """(N, 7) float64, image id, category id, score, x y w h; by falling score, ties in the given order."""
    columns = detections.image_ids, detections.category_ids, detections.scores, *detections.boxes.T
    found = np.stack(columns, axis=1, dtype=np.float64)
    return found[np.argsort(-found[:, 2], kind="stable")]


def _marked(truth: Annotations, category: int, found: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Which of a class's detections are right and which wrong, and how many objects there are to find."""
    rows = np.flatnonzero(truth.category_index == category)
    difficult = truth.difficult[rows] if truth.difficult is not None else np.zeros(len(rows), dtype=bool)
    image_ids = truth.image_ids[truth.image_index[rows]]
    taken = np.zeros(len(rows), dtype=bool)
    right, wrong = np.zeros((2, len(found)), dtype=bool)
    of_image = {number: np.flatnonzero(image_ids == number) for number in np.unique(image_ids).tolist()}
    for n, detection in enumerate(found):
        near = of_image.get(int(detection[0]), ())
        overlaps = iou(detection[None, 3:], truth.boxes[rows[near]])[0] if len(near) else np.zeros(1)
        if overlaps.max() < _IOU:
            wrong[n] = True
            continue
        best = near[overlaps.argmax()]
        right[n] = not difficult[best] and not taken[best]
        wrong[n] = not difficult[best] and taken[best]
        taken[best] = True
    return right, wrong, int((~difficult).sum())


def _mean(values: dict[str, float]) -> float:
    measured = [value for value in values.values() if value >= 0]
    return float(np.mean(measured)) if measured else -1.0
