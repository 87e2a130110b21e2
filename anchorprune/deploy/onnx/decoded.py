"""Decoding without suppression: every box and its scores, which is what other programs' own NMS takes."""

from collections.abc import Sequence

import onnx
from onnxscript import GraphBuilder, OpBuilder, ir

from anchorprune.deploy.onnx.coding import Coding
from anchorprune.deploy.onnx.graph import model_of, new_graph
from anchorprune.deploy.onnx.levels import BATCH, Level, all_priors, joined, raw_inputs, read_level
from anchorprune.deploy.onnx.models import SIZES
from anchorprune.heads.predictions import Postprocess

BOXES = "all_boxes"


def decoded(levels: Sequence[Level], coding: Coding, post: Postprocess, opset: int) -> onnx.ModelProto:
    """The model from raw outputs to every box.

    Inputs: as of `finish`. Outputs: `boxes` (batch, M, 4) float32, x1 y1 x2 y2 in input pixels, and `scores`
    (batch, M, C) float32 in 0..1; level by level, cell by cell, anchor by anchor. Pairs that no threshold would let
    pass (a box not large enough, YOLOv3's factors) score 0. Of images of one size no shape is computed by the graph.
    """
    graph = new_graph("decoded", opset)
    op = graph.op
    raw = [raw_inputs(graph, level, coding) for level in levels]
    parts = [read_level(op, outputs, coding) for outputs in raw]
    scores, codes = (joined(op, part) for part in zip(*parts, strict=True))
    boxes = coding.decode(op, all_priors(op, levels, coding, raw), codes, sizes_input(graph, levels, coding))
    scores = large_enough(op, boxes, scores, post.min_size)
    most = BOXES if any(level.count is None for level in levels) else sum(level.count for level in levels)
    return model_of(graph, {"boxes": (boxes, (BATCH, most, 4)), "scores": (scores, (BATCH, most, coding.classes))})


def sizes_input(graph: GraphBuilder, levels: Sequence[Level], coding: Coding) -> ir.Value | None:
    """The images' own sizes as an input, where boxes are clipped to what images of any size have; else None."""
    any_size = any(level.count is None for level in levels)
    return graph.input(SIZES, ir.DataType.FLOAT, (BATCH, 2)) if any_size and coding.clip is not None else None


def large_enough(op: OpBuilder, boxes: ir.Value, scores: ir.Value, least: float) -> ir.Value:
    """Scores, 0 for boxes whose width or height is not greater than `least`; a negative one lets all pass."""
    if least < 0:
        return scores
    low, high = op.Split(boxes, [2, 2], axis=-1, _outputs=2)
    shorter = op.Min(*op.Split(op.Sub(high, low), [1, 1], axis=-1, _outputs=2))
    return op.Where(op.Greater(shorter, least), scores, 0)
