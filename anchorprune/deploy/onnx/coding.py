"""How a family codes scores and boxes in its raw outputs, and the ONNX operators that read them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from onnxscript import OpBuilder, ir

from anchorprune.heads.predictions import Postprocess


class Coding(Protocol):
    """What a family's coding offers.

    Attributes:
        classes: categories.
        channels: of one anchor in each raw output.
        clip: (W, H) that boxes are clipped to, input pixels; None: they are not.
        prior_parts: how many pairs of values decoding needs of an anchor; P is twice that.
    """

    classes: int
    channels: tuple[int, ...]
    clip: tuple[int, int] | None
    prior_parts: int

    def scores(self, op: OpBuilder, rows: list[ir.Value]) -> tuple[ir.Value, ir.Value]:
        """Rows of the raw outputs, (batch, N, channels) -> scores (batch, N, C) in 0..1 and box codes (batch, N, 4)."""

    def priors(self, boxes: np.ndarray, stride: float) -> np.ndarray:
        """Anchors (N, 4) x1 y1 x2 y2 of a level -> (N, P) float32, what decoding needs of them."""

    def priors_of(self, op: OpBuilder, boxes: ir.Value, stride: float) -> ir.Value:
        """The same of anchors that the graph computes."""

    def decode(
        self, op: OpBuilder, priors: Sequence[ir.Value], codes: ir.Value, sizes: ir.Value | None = None
    ) -> ir.Value:
        """Priors in pairs, (batch, M, 2) or (M, 2) each, and (batch, M, 4) codes -> (batch, M, 4) boxes x1 y1 x2 y2.

        Where boxes are clipped, it is to `clip`, or to each image's own (W, H) in `sizes`, (batch, 2) float32.
        """

    def facts(self) -> dict[str, Any]:
        """What a reader of the raw outputs must know, for the model's metadata."""

    def nms_threshold(self, post: Postprocess) -> float:
        """What a pair's score must exceed to take part in the suppression."""


@dataclass(frozen=True)
class DeltaCoding:
    """Class logits and box deltas: SSD (`background`: softmax, background last) and RetinaNet (sigmoid).

    Source of the arithmetic: mmdet's DeltaXYWHBBoxCoder.

    Attributes:
        means: of the deltas.
        stds: of the deltas.
        max_ratio: bound of the width and height deltas, absolute.
        clip: (W, H) that boxes are clipped to, input pixels; None: they are not.
    """

    classes: int
    background: bool
    means: tuple[float, ...]
    stds: tuple[float, ...]
    max_ratio: float
    clip: tuple[int, int] | None
    prior_parts: ClassVar[int] = 2

    @property
    def channels(self) -> tuple[int, int]:
        """Class logits and deltas of one anchor."""
        return self.classes + self.background, 4

    def scores(self, op: OpBuilder, rows: list[ir.Value]) -> tuple[ir.Value, ir.Value]:
        """See Coding."""
        if not self.background:
            return op.Sigmoid(rows[0]), rows[1]
        return op.Slice(op.Softmax(rows[0], axis=-1), [0], [self.classes], [-1]), rows[1]

    def priors(self, boxes: np.ndarray, stride: float) -> np.ndarray:
        """Centre x y, width, height."""
        return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) * np.float32(0.5), boxes[:, 2:] - boxes[:, :2]], 1)

    def priors_of(self, op: OpBuilder, boxes: ir.Value, stride: float) -> ir.Value:
        """See Coding."""
        low, high = halves(op, boxes)
        return op.Concat(op.Mul(op.Add(low, high), 0.5), op.Sub(high, low), axis=-1)

    def decode(
        self, op: OpBuilder, priors: Sequence[ir.Value], codes: ir.Value, sizes: ir.Value | None = None
    ) -> ir.Value:
        """See Coding."""
        centre, size = priors
        if any(mean != 0 for mean in self.means) or any(std != 1 for std in self.stds):
            codes = op.Add(op.Mul(codes, _floats(self.stds)), _floats(self.means))
        shift, growth = halves(op, codes)
        centre = op.Add(centre, op.Mul(size, shift))
        size = op.Mul(size, op.Exp(self.bounded(op, growth)))
        boxes = corners(op, centre, op.Mul(size, 0.5))
        if self.clip is None:
            return boxes
        most = self.clip * 2 if sizes is None else op.Unsqueeze(op.Concat(sizes, sizes, axis=-1), [1])
        return op.Max(op.Min(boxes, most), 0)

    def bounded(self, op: OpBuilder, growth: ir.Value) -> ir.Value:
        """Width and height deltas that are not too large, nor too small."""
        return op.Clip(growth, -self.max_ratio, self.max_ratio)

    def facts(self) -> dict[str, Any]:
        """See Coding."""
        return {
            "kind": "deltas",
            "activation": "softmax" if self.background else "sigmoid",
            "background": self.classes if self.background else None,
            "means": _floats(self.means),
            "stds": _floats(self.stds),
            "max_ratio": self.max_ratio,
            "clip": self.clip,
        }

    def nms_threshold(self, post: Postprocess) -> float:
        """The detector's: scores rank as they are thresholded."""
        return post.score_threshold


def delta_max_ratio() -> float:
    """Bound of the width and height deltas, from the `wh_ratio_clip` of mmdet's `delta2bbox`."""
    return abs(math.log(16 / 1000))


def halves(op: OpBuilder, value: ir.Value) -> Sequence[ir.Value]:
    """(.., 4) -> its first and its last two columns."""
    return op.Split(value, [2, 2], axis=-1, _outputs=2)


def corners(op: OpBuilder, centre: ir.Value, half: ir.Value) -> ir.Value:
    """Centres and half sizes (.., 2) -> x1 y1 x2 y2."""
    return op.Concat(op.Sub(centre, half), op.Add(centre, half), axis=-1)


def _floats(values: Sequence[float]) -> list[float]:
    return [float(value) for value in values]  # a config may mix 0 and 0.1, a constant has one type
