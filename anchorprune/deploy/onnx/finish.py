"""Decoding and non-maximum suppression as a graph of standard ONNX operators, the same as mmdet's post-processing.

For each level: scores, then the `nms_pre` best (box, class) pairs; for all levels together: decoding, the least size,
suppression within each class, and the `max_per_image` best detections, padded to a fixed number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx

from anchorprune.deploy.onnx.coding import Coding
from anchorprune.deploy.onnx.graph import GraphBuilder
from anchorprune.heads.predictions import Postprocess

BATCH = "batch"


@dataclass(frozen=True)
class LevelOutputs:
    """A level that keeps anchors, as the raw model gives it.

    Attributes:
        names: of its raw outputs, in the coding's order.
        grid: (H, W) cells.
        boxes: (H * W * A, 4) float32, the anchors x1 y1 x2 y2, input pixels, cell by cell.
        stride: distance of neighbouring cells, input pixels.
    """

    names: tuple[str, ...]
    grid: tuple[int, int]
    boxes: np.ndarray
    stride: float

    @property
    def anchors(self) -> int:
        """Anchors of each cell."""
        return len(self.boxes) // (self.grid[0] * self.grid[1])

    def only(self, anchors: Sequence[int]) -> "LevelOutputs":
        """The level with some of its anchors, given by position."""
        cells = self.boxes.reshape(self.grid[0] * self.grid[1], -1, 4)
        return replace(self, boxes=np.ascontiguousarray(cells[:, list(anchors)]).reshape(-1, 4))


def finish(levels: list[LevelOutputs], coding: Coding, post: Postprocess, opset: int) -> onnx.ModelProto:
    """The model from raw outputs to detections.

    Inputs: the levels' raw outputs, (batch, A * channels, H, W) float32. Outputs: `dets` (batch, K, 5) float32,
    x1 y1 x2 y2 in input pixels and score, the best first, and `labels` (batch, K) int64; where an image has fewer than
    K detections, the rest is 0 and its labels -1. K is `max_per_image`, or the number of pairs where that is less.
    """
    graph = GraphBuilder("finish")
    parts = [_candidates(graph, level, coding, post.nms_pre) for level in levels]
    scores, codes, priors = (_joined(graph, part) for part in zip(*(part[:3] for part in parts), strict=True))
    boxes = coding.decode(graph, priors, codes)
    if post.min_size >= 0:
        scores = _large_enough(graph, boxes, scores, post.min_size)
    kept = _suppress(graph, boxes, scores, coding, post)
    most = min(post.max_per_image, sum(part[3] for part in parts) * coding.classes)
    dets, labels = _best(graph, boxes, kept, coding.classes, most)
    inputs = {
        name: (BATCH, level.anchors * width, *level.grid)
        for level in levels
        for name, width in zip(level.names, coding.channels, strict=True)
    }
    outputs = {"dets": (dets, np.float32, (BATCH, most, 5)), "labels": (labels, np.int64, (BATCH, most))}
    return graph.model(inputs, outputs, opset)


def _candidates(
    graph: GraphBuilder, level: LevelOutputs, coding: Coding, most: int | None
) -> tuple[str, str, str, int]:
    """Scores (batch, M, C), codes (batch, M, 4) and priors (batch, M, P) of a level's M candidates, and M.

    A candidate is a box with all its classes. Where the level has more boxes than the `most` pairs that are kept, it is
    a pair, and its other classes score 0.
    """
    rows = [_rows(graph, name, width) for name, width in zip(level.names, coding.channels, strict=True)]
    scores, codes = coding.scores(graph, rows)
    priors = coding.priors(level.boxes, level.stride)
    boxes, pairs = len(priors), len(priors) * coding.classes
    if most is None or boxes <= most:
        if most is not None and pairs > most:
            scores = _only_best(graph, scores, pairs, most)
        return scores, codes, graph.add("Expand", graph.constant(priors[None]), _batch_by(graph, codes, 1, 1)), boxes
    score, place = _top(graph, scores, pairs, most)
    row, scores = _spread(graph, score, place, coding.classes)
    codes = graph.add("GatherElements", codes, _four_times(graph, row), axis=1)
    return scores, codes, graph.add("Gather", graph.constant(priors), row, axis=0), most


def _top(graph: GraphBuilder, scores: str, pairs: int, most: int) -> list[str]:
    """Scores and places (batch, most) of the best pairs of a level."""
    flat = graph.add("Reshape", scores, graph.constant([0, pairs], np.int64))
    return graph.add_many("TopK", 2, flat, graph.constant([most], np.int64), axis=1)


def _only_best(graph: GraphBuilder, scores: str, pairs: int, most: int) -> str:
    """Scores (batch, M, C), 0 for all but the best pairs."""
    score, place = _top(graph, scores, pairs, most)
    zeros = graph.add("ConstantOfShape", _batch_by(graph, scores, pairs))
    return graph.add("Reshape", graph.add("ScatterElements", zeros, place, score, axis=1), graph.add("Shape", scores))


def _batch_by(graph: GraphBuilder, value: str, *sizes: int) -> str:
    """The shape of a value's batch by these sizes."""
    return graph.add("Concat", graph.add("Shape", value, start=0, end=1), graph.constant(sizes, np.int64), axis=0)


def _rows(graph: GraphBuilder, name: str, width: int) -> str:
    """(batch, A * width, H, W) -> (batch, H * W * A, width)."""
    last = graph.add("Transpose", name, perm=[0, 2, 3, 1])
    return graph.add("Reshape", last, graph.constant([0, -1, width], np.int64))


def _spread(graph: GraphBuilder, score: str, place: str, classes: int) -> tuple[str, str]:
    """Pairs' scores and places (batch, k) -> their boxes' rows (batch, k) and scores (batch, k, classes)."""
    count = graph.constant(classes, np.int64)
    row = graph.add("Div", place, count)
    label = graph.add("Unsqueeze", graph.add("Sub", place, graph.add("Mul", row, count)), _axes(graph, -1))
    own = graph.add("Equal", label, graph.constant(np.arange(classes), np.int64))
    return row, graph.add("Where", own, graph.add("Unsqueeze", score, _axes(graph, -1)), graph.constant(0))


def _large_enough(graph: GraphBuilder, boxes: str, scores: str, least: float) -> str:
    """Scores, 0 for boxes whose width or height is not greater than `least`."""
    low, high = graph.add_many("Split", 2, boxes, graph.constant([2, 2], np.int64), axis=-1)
    large = graph.add("Greater", graph.add("Sub", high, low), graph.constant(least))
    wide, tall = graph.add_many("Split", 2, large, graph.constant([1, 1], np.int64), axis=-1)
    return graph.add("Where", graph.add("And", wide, tall), scores, graph.constant(0))


def _suppress(graph: GraphBuilder, boxes: str, scores: str, coding: Coding, post: Postprocess) -> str:
    """Scores (batch, M, C) of what suppression leaves; 0 for the rest.

    No class can have more than `max_per_image` of the best detections, so no more are looked for.
    """
    competing = scores
    if post.class_agnostic:  # of one box's classes only the best can stay: the others overlap it wholly
        best = graph.add("ArgMax", scores, axis=-1, keepdims=1)
        own = graph.add("Equal", best, graph.constant(np.arange(coding.classes), np.int64))
        scores = graph.add("Where", own, scores, graph.constant(0))
        competing = graph.add("GatherElements", scores, best, axis=-1)
    by_class = graph.add("Transpose", competing, perm=[0, 2, 1])
    limits = [graph.constant([post.max_per_image], np.int64), graph.constant([post.nms_iou])]
    limits.append(graph.constant([max(coding.nms_threshold(post), 0.0)]))
    chosen = graph.add("NonMaxSuppression", boxes, by_class, *limits)  # (n, 3) image, class, box
    places = graph.add("Gather", chosen, graph.constant([0, 2, 1], np.int64), axis=1)
    zeros = graph.add("ConstantOfShape", graph.add("Shape", competing))
    kept = graph.add("ScatterND", zeros, places, graph.add("GatherND", competing, places))
    if post.class_agnostic:
        kept = graph.add("Where", graph.add("Greater", kept, graph.constant(0)), scores, graph.constant(0))
    return kept


def _best(graph: GraphBuilder, boxes: str, kept: str, classes: int, most: int) -> tuple[str, str]:
    """`dets` and `labels` of the `most` pairs with the highest scores."""
    flat = graph.add("Reshape", kept, graph.constant([0, -1], np.int64))
    score, place = graph.add_many("TopK", 2, flat, graph.constant([most], np.int64), axis=1)
    count = graph.constant(classes, np.int64)
    row = graph.add("Div", place, count)
    label = graph.add("Sub", place, graph.add("Mul", row, count))
    found = graph.add("Greater", score, graph.constant(0))
    column = graph.add("Unsqueeze", score, _axes(graph, -1))
    dets = graph.add("Concat", graph.add("GatherElements", boxes, _four_times(graph, row), axis=1), column, axis=-1)
    dets = graph.add("Where", graph.add("Unsqueeze", found, _axes(graph, -1)), dets, graph.constant(0))
    return dets, graph.add("Where", found, label, graph.constant(-1, np.int64))


def _four_times(graph: GraphBuilder, rows: str) -> str:
    """(batch, k) -> (batch, k, 4), to gather whole boxes by."""
    return graph.add("Expand", graph.add("Unsqueeze", rows, _axes(graph, -1)), graph.constant([1, 1, 4], np.int64))


def _axes(graph: GraphBuilder, axis: int) -> str:
    return graph.constant([axis], np.int64)


def _joined(graph: GraphBuilder, parts: tuple[str, ...]) -> str:
    return graph.add("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]
