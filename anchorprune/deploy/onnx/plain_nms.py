"""NMS by OpenCV on what `model-decoded.onnx` gives: for runtimes that have none, with the same detections."""

import math
from typing import Any

import cv2
import numpy as np

from anchorprune.deploy.onnx.metadata import Metadata


def detections(boxes: np.ndarray, scores: np.ndarray, metadata: Metadata) -> tuple[np.ndarray, np.ndarray]:
    """Detections of one image.

    Args:
        boxes: (M, 4) float32, x1 y1 x2 y2, as the model gives them.
        scores: (M, C) float32.
        metadata: of the model.

    Returns:
        `dets` (n, 5), boxes and scores, the best first, and `labels` (n,), as `model.onnx` has them before padding.
    """
    post = metadata.postprocess
    row, label = _candidates(scores, metadata)
    score, chosen = scores[row, label], boxes[row].astype(np.float64)
    sides = np.concatenate([chosen[:, :2], chosen[:, 2:] - chosen[:, :2]], axis=1)
    groups = np.zeros_like(label) if post["class_agnostic"] else label
    threshold = 0.0 if "class_threshold" in metadata.coding else post["score_threshold"]
    kept = _suppressed(sides, score, groups.astype(np.int32), threshold, post["nms_iou"])
    kept = kept[np.argsort(-score[kept], kind="stable")][: post["max_per_image"]]
    return np.concatenate([boxes[row[kept]], score[kept, None]], axis=1), label[kept]


def _suppressed(sides: np.ndarray, score: np.ndarray, group: np.ndarray, threshold: float, iou: float) -> np.ndarray:
    """Places of the boxes (n, 4), x y width height, that suppression within each group leaves, ascending.

    A box clipped to no area overlaps none, by ONNX and the detectors' own frameworks; by OpenCV any two of them overlap
    wholly, wherever they lie and whatever their groups. OpenCV does not get to see them.
    """
    flat = (sides[:, 2:] <= 0).any(axis=1)
    solid = np.flatnonzero(~flat)
    kept = cv2.dnn.NMSBoxesBatched(sides[solid], score[solid], group[solid], threshold, iou)
    passing = np.flatnonzero(flat & (score > threshold))
    return np.sort(np.concatenate([solid[np.asarray(kept, int).reshape(-1)], passing]))


def _candidates(scores: np.ndarray, metadata: Metadata) -> tuple[np.ndarray, np.ndarray]:
    """Rows and classes of the pairs that enter suppression: the `nms_pre` best on each level, or of each class."""
    most, start, found = metadata.postprocess["nms_pre"], 0, []
    if metadata.postprocess.get("nms_pre_per") == "class":
        best = np.argsort(-scores, axis=0, kind="stable")[:most]
        row, label = best.T.reshape(-1), np.repeat(np.arange(scores.shape[1]), len(best))
        positive = scores[row, label] > 0
        return row[positive], label[positive]
    for count in _boxes_of_levels(metadata.head):
        level = scores[start : start + count].reshape(-1)
        places = np.flatnonzero(level > 0)
        if most is not None and len(places) > most:
            places = places[np.argsort(-level[places], kind="stable")[:most]]
        found.append(places + start * scores.shape[1])
        start += count
    if start != len(scores):
        raise ValueError(f"{len(scores)} boxes, but the head has {start}: not of this model's input size")
    return np.divmod(np.concatenate(found), scores.shape[1])


def _boxes_of_levels(head: dict[str, Any]) -> list[int]:
    return [math.prod(level["grid"]) * len(level["anchors"]) for level in head["levels"]]
