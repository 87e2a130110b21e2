"""How YOLOv3 codes scores and boxes in its raw output, and the ONNX operators that read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from onnxscript import OpBuilder, ir

from anchorprune.deploy.onnx.coding import corners, halves
from anchorprune.heads.predictions import Postprocess


@dataclass(frozen=True)
class YoloCoding:
    """YOLOv3's x, y, w, h, objectness, classes in one output; source of the arithmetic: mmdet's YOLOBBoxCoder.

    Attributes:
        class_threshold: a class probability must exceed it.
        objectness_threshold: an objectness must reach it.
    """

    classes: int
    class_threshold: float
    objectness_threshold: float
    clip: ClassVar[None] = None
    prior_parts: ClassVar[int] = 3

    @property
    def channels(self) -> tuple[int]:
        """Everything of one anchor."""
        return (5 + self.classes,)

    def scores(self, op: OpBuilder, rows: list[ir.Value]) -> tuple[ir.Value, ir.Value]:
        """See Coding; pairs that fail a threshold score 0."""
        place, size, objectness, classes = op.Split(rows[0], [2, 2, 1, self.classes], axis=-1, _outputs=4)
        objectness, classes = op.Sigmoid(objectness), op.Sigmoid(classes)
        passing = op.Greater(classes, self.class_threshold)
        sure = op.GreaterOrEqual(objectness, self.objectness_threshold)
        scores = op.Where(sure, op.Where(passing, op.Mul(classes, objectness), 0), 0)
        return scores, op.Concat(op.Sigmoid(place), size, axis=-1)

    def priors(self, boxes: np.ndarray, stride: float) -> np.ndarray:
        """Centre x y, half width and height, stride twice."""
        half = np.float32(0.5)
        centre, size = (boxes[:, :2] + boxes[:, 2:]) * half, (boxes[:, 2:] - boxes[:, :2]) * half
        return np.concatenate([centre, size, np.full_like(centre, stride)], 1)

    def priors_of(self, op: OpBuilder, boxes: ir.Value, stride: float) -> ir.Value:
        """See Coding."""
        low, high = halves(op, boxes)
        centre, size = op.Mul(op.Add(low, high), 0.5), op.Mul(op.Sub(high, low), 0.5)
        return op.Concat(centre, size, op.Expand([stride], op.Shape(centre)), axis=-1)

    def decode(
        self, op: OpBuilder, priors: Sequence[ir.Value], codes: ir.Value, sizes: ir.Value | None = None
    ) -> ir.Value:
        """See Coding; boxes are not clipped, as in mmdet."""
        centre, half, stride = priors
        place, growth = halves(op, codes)
        shift = op.Mul(op.Sub(place, 0.5), stride)
        return corners(op, op.Add(centre, shift), op.Mul(half, op.Exp(growth)))

    def facts(self) -> dict[str, Any]:
        """See Coding."""
        return {
            "kind": "yolov3",
            "activation": "sigmoid",
            "background": None,
            "class_threshold": self.class_threshold,
            "objectness_threshold": self.objectness_threshold,
            "clip": None,
        }

    def nms_threshold(self, post: Postprocess) -> float:
        """None: the detector's thresholds are on the two factors of a score, and were applied to them."""
        return 0.0
