"""From raw outputs to boxes and scores, as the metadata of a raw export say.

Sources of the arithmetic: mmdet's DeltaXYWHBBoxCoder and YOLOBBoxCoder, and torchvision's BoxCoder.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from anchorprune.deploy.onnx.images import Prepared
from anchorprune.detectors.onnx.exports.said import RawExport, RawLevel


def raw_candidates(said: RawExport, outputs: Sequence[np.ndarray], image: Prepared) -> tuple[np.ndarray, ...]:
    """The candidates of one image, in the order in which the detector's own post-processing breaks ties.

    Args:
        said: how outputs are read.
        outputs: (1, A * width, H, W) float32 each, in the order of `RawExport.names`.
        image: they are of.

    Returns:
        anchor (n,) int16, label (n,) int64, score (n,) float32, boxes (n, 4) float32 x1 y1 x2 y2 in pixels of the
        original image; level by level, cell by cell, anchor by anchor, class by class; classes come first where the
        limit before NMS is one of a class.
    """
    coding, parts, left = said.metadata.coding, [], iter(outputs)
    read, decode = (_yolo_scores, _yolo_boxes) if coding["kind"] == "yolov3" else (_delta_scores, _delta_boxes)
    clip = _clip(said, image)
    for level in said.levels:
        maps = [next(left) for _ in level.names]
        rows = [_rows(value, width) for value, width in zip(maps, level.widths, strict=True)]
        scores, passing = read(rows[0], coding, np.float32(said.postprocess.score_threshold))
        row, label = np.nonzero(passing)
        boxes = decode(rows[-1][row], *_anchors(level, row, maps[0].shape[3]), level, coding)
        boxes = boxes if clip is None else np.clip(boxes, 0, np.array(clip * 2, np.float32))
        parts.append((level.first + row % len(level.sides), label, scores[row, label], boxes))
    anchor, label, score, boxes = (np.concatenate(column) for column in zip(*parts, strict=True))
    found = anchor.astype(np.int16), label, score, image.to_original(boxes).astype(np.float32)
    if said.postprocess.nms_pre_per != "class":
        return found
    order = np.argsort(label, kind="stable")
    return tuple(column[order] for column in found)


def _rows(value: np.ndarray, width: int) -> np.ndarray:
    """(1, A * width, H, W) -> (H * W * A, width), cell by cell."""
    return value[0].transpose(1, 2, 0).reshape(-1, width)


def _anchors(level: RawLevel, row: np.ndarray, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres and sides, (n, 2) float32 each, of the anchors of some rows."""
    cell, anchor = np.divmod(row, len(level.sides))
    steps = np.stack([cell % columns, cell // columns], 1) * np.array(level.strides)
    return (np.array(level.centre) + steps).astype(np.float32), level.sides[anchor]


def _clip(said: RawExport, image: Prepared) -> tuple[int, int] | None:
    """(W, H) that boxes are clipped to, input pixels; where images have any size, it is each one's own."""
    clip = said.metadata.coding["clip"]
    if clip is None:
        return None
    return tuple(clip) if said.metadata.input.divisor is None else image.size


def _delta_scores(rows: np.ndarray, coding: Mapping[str, Any], threshold: np.float32) -> tuple[np.ndarray, np.ndarray]:
    """Scores (n, C), and which of them count."""
    if coding["activation"] == "softmax":
        scores = np.exp(rows - rows.max(1, keepdims=True))
        scores /= scores.sum(1, keepdims=True)
    else:
        scores = _sigmoid(rows)
    labels = coding.get("labels")
    if labels is None:
        labels = [label for label in range(rows.shape[1]) if label != coding["background"]]
    scores = scores[:, labels]
    return scores, scores > threshold


def _delta_boxes(
    codes: np.ndarray, centre: np.ndarray, sides: np.ndarray, level: RawLevel, coding: Mapping[str, Any]
) -> np.ndarray:
    codes = codes * np.array(coding["stds"], np.float32) + np.array(coding["means"], np.float32)
    most = np.float32(coding["max_ratio"])
    growth = codes[:, 2:].clip(None if coding.get("bounded") == "above" else -most, most)
    return _corners(centre + sides * codes[:, :2], sides * np.exp(growth) / 2)


def _yolo_scores(rows: np.ndarray, coding: Mapping[str, Any], threshold: np.float32) -> tuple[np.ndarray, np.ndarray]:
    """As `_delta_scores`; the detector's thresholds are on the two factors of a score."""
    objectness, classes = _sigmoid(rows[:, 4:5]), _sigmoid(rows[:, 5:])
    passing = (classes > np.float32(coding["class_threshold"])) & (
        objectness >= np.float32(coding["objectness_threshold"])
    )
    scores = objectness * classes
    return scores, passing & (scores > threshold)


def _yolo_boxes(
    codes: np.ndarray, centre: np.ndarray, sides: np.ndarray, level: RawLevel, coding: Mapping[str, Any]
) -> np.ndarray:
    centre = centre + (_sigmoid(codes[:, :2]) - np.float32(0.5)) * np.array(level.strides, np.float32)
    return _corners(centre, sides * np.exp(codes[:, 2:4]) / 2)


def _corners(centre: np.ndarray, half: np.ndarray) -> np.ndarray:
    return np.concatenate([centre - half, centre + half], 1)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return np.float32(1) / (np.float32(1) + np.exp(-np.clip(values, -80, 80), dtype=np.float32))
