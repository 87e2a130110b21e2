"""Decoding and non-maximum suppression as a graph of standard ONNX operators, the same as a detector's post-processing.

For each level: scores, then the `nms_pre` best (box, class) pairs; for all levels together: decoding, the least size,
suppression within each class, and the `max_per_image` best detections, padded to a fixed number. Where `nms_pre` is
of a class, as torchvision's SSD has it, the best pairs are those of each class on all levels.

Operators are those that every runtime tried computes alike (docs/deploying.md): zeros are a product, not a
`ConstantOfShape`, whole boxes are gathered by `GatherND`, and nothing is expanded that broadcasting expands.
"""

from collections.abc import Sequence

import onnx
from onnxscript import OpBuilder, ir

from anchorprune.deploy.onnx.coding import Coding
from anchorprune.deploy.onnx.decoded import large_enough, sizes_input
from anchorprune.deploy.onnx.graph import model_of, new_graph
from anchorprune.deploy.onnx.levels import BATCH, Level, LevelOutputs, all_priors, joined, pairs, raw_inputs, read_level
from anchorprune.heads.predictions import Postprocess

DETECTIONS = "detections"


def finish(levels: Sequence[Level], coding: Coding, post: Postprocess, opset: int) -> onnx.ModelProto:
    """The model from raw outputs to detections; of `LevelOutputs` alone, or of `AnySizeLevel`s alone.

    Inputs: the levels' raw outputs, (batch, A * channels, H, W) float32; where images have any size and boxes are
    clipped, `sizes` (batch, 2) float32, each image's (W, H) without padding. Outputs: `dets` (batch, K, 5) float32,
    x1 y1 x2 y2 in input pixels and score, the best first, and `labels` (batch, K) int64; where an image has fewer than
    K detections, the rest is 0 and its labels -1. K is `max_per_image`, or the number of pairs where that is less.
    """
    graph = new_graph("finish", opset)
    op = graph.op
    raw = [raw_inputs(graph, level, coding) for level in levels]
    of_level = post.nms_pre if post.nms_pre_per == "level" else None
    scores, codes, priors = _all_candidates(op, levels, raw, coding, of_level)
    if post.nms_pre is not None and of_level is None:
        scores = _only_best_of_class(op, scores, levels, post.nms_pre)
    boxes = coding.decode(op, priors, codes, sizes_input(graph, levels, coding))
    kept = _suppress(op, boxes, large_enough(op, boxes, scores, post.min_size), coding, post)
    if any(level.count is None for level in levels):
        most = DETECTIONS
        dets, labels = _best(op, boxes, kept, coding.classes, post.max_per_image, limited=True)
    else:
        most = min(post.max_per_image, sum(_count(level, of_level) for level in levels) * coding.classes)
        dets, labels = _best(op, boxes, kept, coding.classes, most)
    return model_of(graph, {"dets": (dets, (BATCH, most, 5)), "labels": (labels, (BATCH, most))})


def _count(level: LevelOutputs, most: int | None) -> int:
    """How many candidates of a level there are."""
    return level.count if most is None else min(level.count, most)


def _is_whole(level: Level, most: int | None) -> bool:
    """Whether all boxes of a level are candidates."""
    return most is None or (level.count is not None and level.count <= most)


def _all_candidates(
    op: OpBuilder, levels: Sequence[Level], raw: Sequence[Sequence[ir.Value]], coding: Coding, most: int | None
) -> tuple[ir.Value, ir.Value, Sequence[ir.Value]]:
    """Scores (batch, M, C), codes (batch, M, 4) and priors as `decode` takes them, of all levels' candidates."""
    parts = []
    whole = [_is_whole(level, most) for level in levels]
    for level, outputs, is_whole in zip(levels, raw, whole, strict=True):
        scores, codes = read_level(op, outputs, coding)
        number = None if level.count is None else level.count * coding.classes
        if is_whole:
            scores = scores if most is None or number <= most else _only_best(op, scores, number, most)
            parts.append((scores, codes))
        else:
            parts.append(_best_pairs(op, scores, codes, level.priors(op, coding, outputs[0]), number, most, coding))
    if all(whole):
        priors = all_priors(op, levels, coding, raw)
    else:
        for number in (number for number, is_whole in enumerate(whole) if is_whole):
            own = levels[number].priors(op, coding, raw[number][0])
            parts[number] = *parts[number], op.Expand(own, _batch_by(op, parts[number][1], 1, 1))
        priors = pairs(op, joined(op, [part[2] for part in parts]), coding)
    return joined(op, [part[0] for part in parts]), joined(op, [part[1] for part in parts]), priors


def _best_pairs(
    op: OpBuilder, scores: ir.Value, codes: ir.Value, priors: ir.Value, pairs: int | None, most: int, coding: Coding
) -> tuple[ir.Value, ir.Value, ir.Value]:
    """The `most` best pairs of a level that has more boxes, or may have: scores, 0 for other classes, codes, priors."""
    score, place = _top(op, scores, pairs, most, limited=pairs is None)
    row, label = _row_and_label(op, place, coding.classes)
    own = op.Equal(op.Unsqueeze(label, [-1]), list(range(coding.classes)))
    scores = op.Where(own, op.Unsqueeze(score, [-1]), 0)
    return scores, _boxes_at(op, codes, row), op.Gather(priors, row, axis=0)


def _top(op: OpBuilder, scores: ir.Value, pairs: int | None, most: int, limited: bool = False) -> Sequence[ir.Value]:
    """Scores and places (batch, most) of the best pairs; `limited`: of all, where there are fewer."""
    flat = op.Reshape(scores, [0, -1 if pairs is None else pairs])
    return op.TopK(flat, op.Min(op.Shape(flat, start=1, end=2), [most]) if limited else [most], axis=1, _outputs=2)


def _only_best(op: OpBuilder, scores: ir.Value, pairs: int, most: int) -> ir.Value:
    """Scores (batch, M, C), 0 for all but the best pairs."""
    score, place = _top(op, scores, pairs, most)
    zeros = op.Mul(op.Reshape(scores, [0, pairs]), 0)
    return op.Reshape(op.ScatterElements(zeros, place, score, axis=1), op.Shape(scores))


def _only_best_of_class(op: OpBuilder, scores: ir.Value, levels: Sequence[Level], most: int) -> ir.Value:
    """Scores (batch, M, C), 0 for all but each class's best boxes."""
    any_size = any(level.count is None for level in levels)
    if not any_size and sum(level.count for level in levels) <= most:
        return scores
    number = op.Min(op.Shape(scores, start=1, end=2), [most]) if any_size else [most]
    score, place = op.TopK(scores, number, axis=1, _outputs=2)
    return op.ScatterElements(op.Mul(scores, 0), place, score, axis=1)


def _batch_by(op: OpBuilder, value: ir.Value, *sizes: int) -> ir.Value:
    """The shape of a value's batch by these sizes."""
    return op.Concat(op.Shape(value, start=0, end=1), sizes, axis=0)


def _row_and_label(op: OpBuilder, place: ir.Value, classes: int) -> tuple[ir.Value, ir.Value]:
    """Pairs' places (batch, k) -> their boxes' rows and their classes, (batch, k)."""
    row = op.Div(place, classes)
    return row, op.Sub(place, op.Mul(row, classes))


def _boxes_at(op: OpBuilder, values: ir.Value, row: ir.Value) -> ir.Value:
    """(batch, M, 4) values at rows (batch, k) -> (batch, k, 4)."""
    return op.GatherND(values, op.Unsqueeze(row, [-1]), batch_dims=1)


def _suppress(op: OpBuilder, boxes: ir.Value, scores: ir.Value, coding: Coding, post: Postprocess) -> ir.Value:
    """Scores (batch, M, C) of what suppression leaves; 0 for the rest.

    No class can have more than `max_per_image` of the best detections, so no more are looked for.
    """
    competing = scores
    if post.class_agnostic:  # of one box's classes only the best can stay: the others overlap it wholly
        best = op.ArgMax(scores, axis=-1, keepdims=1)
        scores = op.Where(op.Equal(best, list(range(coding.classes))), scores, 0)
        competing = op.ReduceMax(scores, [-1], keepdims=1)
    limits = [post.max_per_image], [float(post.nms_iou)], [max(float(coding.nms_threshold(post)), 0.0)]
    chosen = op.NonMaxSuppression(boxes, op.Transpose(competing, perm=[0, 2, 1]), *limits)  # (n, 3) image, class, box
    places = op.Gather(chosen, [0, 2, 1], axis=1)
    ones = op.Add(op.Mul(op.Cast(op.Gather(chosen, 0, axis=1), to=ir.DataType.FLOAT), 0), 1)  # (n,); n may be 0, where
    kept = op.Mul(op.ScatterND(op.Mul(competing, 0), places, ones), competing)  # OpenCV 5 crashes in a GatherND
    return op.Where(op.Greater(kept, 0), scores, 0) if post.class_agnostic else kept


def _best(
    op: OpBuilder, boxes: ir.Value, kept: ir.Value, classes: int, most: int, limited: bool = False
) -> tuple[ir.Value, ir.Value]:
    """`dets` and `labels` of the `most` pairs with the highest scores; `limited` as in `_top`."""
    score, place = _top(op, kept, None, most, limited)
    row, label = _row_and_label(op, place, classes)
    found = op.Greater(score, 0)
    dets = op.Concat(_boxes_at(op, boxes, row), op.Unsqueeze(score, [-1]), axis=-1)
    return op.Where(op.Unsqueeze(found, [-1]), dets, 0), op.Where(found, label, -1)
