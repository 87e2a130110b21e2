"""Decoding and non-maximum suppression as a graph of standard ONNX operators, the same as mmdet's post-processing.

For each level: scores, then the `nms_pre` best (box, class) pairs; for all levels together: decoding, the least size,
suppression within each class, and the `max_per_image` best detections, padded to a fixed number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnxscript import GraphBuilder, OpBuilder, ir

from anchorprune.deploy.onnx.any_size import AnySizeLevel
from anchorprune.deploy.onnx.coding import Coding
from anchorprune.deploy.onnx.graph import model_of, new_graph
from anchorprune.deploy.onnx.models import SIZES
from anchorprune.heads.predictions import Postprocess

BATCH, DETECTIONS = "batch", "detections"


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

    @property
    def count(self) -> int:
        """Anchors of all cells."""
        return len(self.boxes)

    def priors(self, op: OpBuilder, coding: Coding, output: ir.Value) -> ir.Value:
        """What decoding needs of the anchors, (H * W * A, P); a raw output would tell no more than the grid does."""
        return op.initializer(ir.tensor(coding.priors(self.boxes, self.stride)), f"priors_{self.names[0]}")

    def only(self, anchors: Sequence[int]) -> "LevelOutputs":
        """The level with some of its anchors, given by position."""
        cells = self.boxes.reshape(self.grid[0] * self.grid[1], -1, 4)
        return replace(self, boxes=np.ascontiguousarray(cells[:, list(anchors)]).reshape(-1, 4))


Level = LevelOutputs | AnySizeLevel


def finish(levels: Sequence[Level], coding: Coding, post: Postprocess, opset: int) -> onnx.ModelProto:
    """The model from raw outputs to detections; of `LevelOutputs` alone, or of `AnySizeLevel`s alone.

    Inputs: the levels' raw outputs, (batch, A * channels, H, W) float32; where images have any size and boxes are
    clipped, `sizes` (batch, 2) float32, each image's (W, H) without padding. Outputs: `dets` (batch, K, 5) float32,
    x1 y1 x2 y2 in input pixels and score, the best first, and `labels` (batch, K) int64; where an image has fewer than
    K detections, the rest is 0 and its labels -1. K is `max_per_image`, or the number of pairs where that is less.
    """
    graph = new_graph("finish", opset)
    op = graph.op
    parts = [_candidates(op, level, _inputs(graph, level, coding), coding, post.nms_pre) for level in levels]
    scores, codes, priors = (_joined(op, part) for part in zip(*parts, strict=True))
    any_size = any(level.count is None for level in levels)
    sizes = graph.input(SIZES, ir.DataType.FLOAT, (BATCH, 2)) if any_size and coding.clip is not None else None
    boxes = coding.decode(op, priors, codes, sizes)
    if post.min_size >= 0:
        scores = _large_enough(op, boxes, scores, post.min_size)
    kept = _suppress(op, boxes, scores, coding, post)
    if any_size:
        most = DETECTIONS
        dets, labels = _best(op, boxes, kept, coding.classes, post.max_per_image, limited=True)
    else:
        most = min(post.max_per_image, sum(_count(level, post.nms_pre) for level in levels) * coding.classes)
        dets, labels = _best(op, boxes, kept, coding.classes, most)
    return model_of(graph, {"dets": (dets, (BATCH, most, 5)), "labels": (labels, (BATCH, most))})


def _inputs(graph: GraphBuilder, level: Level, coding: Coding) -> list[ir.Value]:
    """A level's raw outputs, which are inputs here."""
    return [
        graph.input(name, ir.DataType.FLOAT, (BATCH, level.anchors * width, *level.grid))
        for name, width in zip(level.names, coding.channels, strict=True)
    ]


def _count(level: LevelOutputs, most: int | None) -> int:
    """How many candidates of a level there are."""
    return level.count if most is None else min(level.count, most)


def _candidates(
    op: OpBuilder, level: Level, raw: Sequence[ir.Value], coding: Coding, most: int | None
) -> tuple[ir.Value, ir.Value, ir.Value]:
    """Scores (batch, M, C), codes (batch, M, 4) and priors (batch, M, P) of a level's M candidates.

    A candidate is a box with all its classes. Where the level has more boxes than the `most` pairs that are kept, or
    may have, it is a pair, and its other classes score 0.
    """
    scores, codes = coding.scores(op, [_rows(op, *each) for each in zip(raw, coding.channels, strict=True)])
    priors = level.priors(op, coding, raw[0])
    pairs = None if level.count is None else level.count * coding.classes
    if most is None or (level.count is not None and level.count <= most):
        if most is not None and pairs > most:
            scores = _only_best(op, scores, pairs, most)
        return scores, codes, op.Expand(priors, _batch_by(op, codes, 1, 1))
    score, place = _top(op, scores, pairs, most, limited=pairs is None)
    row, scores = _spread(op, score, place, coding.classes)
    return scores, op.GatherElements(codes, _four_times(op, row), axis=1), op.Gather(priors, row, axis=0)


def _top(op: OpBuilder, scores: ir.Value, pairs: int | None, most: int, limited: bool = False) -> Sequence[ir.Value]:
    """Scores and places (batch, most) of the best pairs; `limited`: of all, where there are fewer."""
    flat = op.Reshape(scores, [0, -1 if pairs is None else pairs])
    return op.TopK(flat, op.Min(op.Shape(flat, start=1, end=2), [most]) if limited else [most], axis=1, _outputs=2)


def _only_best(op: OpBuilder, scores: ir.Value, pairs: int, most: int) -> ir.Value:
    """Scores (batch, M, C), 0 for all but the best pairs."""
    score, place = _top(op, scores, pairs, most)
    zeros = op.ConstantOfShape(_batch_by(op, scores, pairs))
    return op.Reshape(op.ScatterElements(zeros, place, score, axis=1), op.Shape(scores))


def _batch_by(op: OpBuilder, value: ir.Value, *sizes: int) -> ir.Value:
    """The shape of a value's batch by these sizes."""
    return op.Concat(op.Shape(value, start=0, end=1), sizes, axis=0)


def _rows(op: OpBuilder, value: ir.Value, width: int) -> ir.Value:
    """(batch, A * width, H, W) -> (batch, H * W * A, width)."""
    return op.Reshape(op.Transpose(value, perm=[0, 2, 3, 1]), [0, -1, width])


def _spread(op: OpBuilder, score: ir.Value, place: ir.Value, classes: int) -> tuple[ir.Value, ir.Value]:
    """Pairs' scores and places (batch, k) -> their boxes' rows (batch, k) and scores (batch, k, classes)."""
    row = op.Div(place, classes)
    label = op.Unsqueeze(op.Sub(place, op.Mul(row, classes)), [-1])
    own = op.Equal(label, list(range(classes)))
    return row, op.Where(own, op.Unsqueeze(score, [-1]), 0)


def _large_enough(op: OpBuilder, boxes: ir.Value, scores: ir.Value, least: float) -> ir.Value:
    """Scores, 0 for boxes whose width or height is not greater than `least`."""
    low, high = op.Split(boxes, [2, 2], axis=-1, _outputs=2)
    wide, tall = op.Split(op.Greater(op.Sub(high, low), least), [1, 1], axis=-1, _outputs=2)
    return op.Where(op.And(wide, tall), scores, 0)


def _suppress(op: OpBuilder, boxes: ir.Value, scores: ir.Value, coding: Coding, post: Postprocess) -> ir.Value:
    """Scores (batch, M, C) of what suppression leaves; 0 for the rest.

    No class can have more than `max_per_image` of the best detections, so no more are looked for.
    """
    competing = scores
    if post.class_agnostic:  # of one box's classes only the best can stay: the others overlap it wholly
        best = op.ArgMax(scores, axis=-1, keepdims=1)
        scores = op.Where(op.Equal(best, list(range(coding.classes))), scores, 0)
        competing = op.GatherElements(scores, best, axis=-1)
    limits = [post.max_per_image], [float(post.nms_iou)], [max(float(coding.nms_threshold(post)), 0.0)]
    chosen = op.NonMaxSuppression(boxes, op.Transpose(competing, perm=[0, 2, 1]), *limits)  # (n, 3) image, class, box
    places = op.Gather(chosen, [0, 2, 1], axis=1)
    zeros = op.ConstantOfShape(op.Shape(competing))
    kept = op.ScatterND(zeros, places, op.GatherND(competing, places))
    return op.Where(op.Greater(kept, 0), scores, 0) if post.class_agnostic else kept


def _best(
    op: OpBuilder, boxes: ir.Value, kept: ir.Value, classes: int, most: int, limited: bool = False
) -> tuple[ir.Value, ir.Value]:
    """`dets` and `labels` of the `most` pairs with the highest scores; `limited` as in `_top`."""
    score, place = _top(op, kept, None, most, limited)
    row = op.Div(place, classes)
    label = op.Sub(place, op.Mul(row, classes))
    found = op.Greater(score, 0)
    dets = op.Concat(op.GatherElements(boxes, _four_times(op, row), axis=1), op.Unsqueeze(score, [-1]), axis=-1)
    return op.Where(op.Unsqueeze(found, [-1]), dets, 0), op.Where(found, label, -1)


def _four_times(op: OpBuilder, rows: ir.Value) -> ir.Value:
    """(batch, k) -> (batch, k, 4), to gather whole boxes by."""
    return op.Expand(op.Unsqueeze(rows, [-1]), [1, 1, 4])


def _joined(op: OpBuilder, parts: Sequence[ir.Value]) -> ir.Value:
    return op.Concat(*parts, axis=1) if len(parts) > 1 else parts[0]
