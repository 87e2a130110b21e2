"""How a family codes scores and boxes in its raw outputs, and the ONNX operators that read them."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from anchorprune.deploy.onnx.graph import GraphBuilder
from anchorprune.heads.predictions import Postprocess


class Coding(Protocol):
    """What a family's coding offers.

    Attributes:
        classes: categories.
        channels: of one anchor in each raw output.
    """

    classes: int
    channels: tuple[int, ...]

    def scores(self, graph: GraphBuilder, rows: list[str]) -> tuple[str, str]:
        """Rows of the raw outputs, (batch, N, channels) -> scores (batch, N, C) in 0..1 and box codes (batch, N, 4)."""

    def priors(self, boxes: np.ndarray, stride: float) -> np.ndarray:
        """Anchors (N, 4) x1 y1 x2 y2 of a level -> (N, P) float32, what decoding needs of them."""

    def decode(self, graph: GraphBuilder, priors: str, codes: str) -> str:
        """(batch, M, P) priors and (batch, M, 4) codes -> (batch, M, 4) boxes x1 y1 x2 y2."""

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

    @property
    def channels(self) -> tuple[int, int]:
        """Class logits and deltas of one anchor."""
        return self.classes + self.background, 4

    def scores(self, graph: GraphBuilder, rows: list[str]) -> tuple[str, str]:
        """See Coding."""
        if not self.background:
            return graph.add("Sigmoid", rows[0]), rows[1]
        ends = ([0], [self.classes], [-1])
        softmax = graph.add("Softmax", rows[0], axis=-1)
        return graph.add("Slice", softmax, *(graph.constant(value, np.int64) for value in ends)), rows[1]

    def priors(self, boxes: np.ndarray, stride: float) -> np.ndarray:
        """Centre x y, width, height."""
        return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) * np.float32(0.5), boxes[:, 2:] - boxes[:, :2]], 1)

    def decode(self, graph: GraphBuilder, priors: str, codes: str) -> str:
        """See Coding."""
        centre, size = _halves(graph, priors)
        if any(mean != 0 for mean in self.means) or any(std != 1 for std in self.stds):
            scaled = graph.add("Mul", codes, graph.constant(self.stds))
            codes = graph.add("Add", scaled, graph.constant(self.means))
        shift, growth = _halves(graph, codes)
        centre = graph.add("Add", centre, graph.add("Mul", size, shift))
        bounds = graph.constant(-self.max_ratio), graph.constant(self.max_ratio)
        size = graph.add("Mul", size, graph.add("Exp", graph.add("Clip", growth, *bounds)))
        boxes = _corners(graph, centre, graph.add("Mul", size, graph.constant(0.5)))
        if self.clip is None:
            return boxes
        inside = graph.add("Min", boxes, graph.constant(self.clip * 2))
        return graph.add("Max", inside, graph.constant(0))

    def nms_threshold(self, post: Postprocess) -> float:
        """The detector's: scores rank as they are thresholded."""
        return post.score_threshold


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

    @property
    def channels(self) -> tuple[int]:
        """Everything of one anchor."""
        return (5 + self.classes,)

    def scores(self, graph: GraphBuilder, rows: list[str]) -> tuple[str, str]:
        """See Coding; pairs that fail a threshold score 0."""
        parts = graph.constant([2, 2, 1, self.classes], np.int64)
        place, size, objectness, classes = graph.add_many("Split", 4, rows[0], parts, axis=-1)
        objectness, classes = graph.add("Sigmoid", objectness), graph.add("Sigmoid", classes)
        passing = graph.add("Greater", classes, graph.constant(self.class_threshold))
        sure = graph.add("GreaterOrEqual", objectness, graph.constant(self.objectness_threshold))
        product = graph.add("Mul", classes, objectness)
        scores = graph.add("Where", graph.add("And", passing, sure), product, graph.constant(0))
        return scores, graph.add("Concat", graph.add("Sigmoid", place), size, axis=-1)

    def priors(self, boxes: np.ndarray, stride: float) -> np.ndarray:
        """Centre x y, half width and height, stride twice."""
        half = np.float32(0.5)
        centre, size = (boxes[:, :2] + boxes[:, 2:]) * half, (boxes[:, 2:] - boxes[:, :2]) * half
        return np.concatenate([centre, size, np.full_like(centre, stride)], 1)

    def decode(self, graph: GraphBuilder, priors: str, codes: str) -> str:
        """See Coding; boxes are not clipped, as in mmdet."""
        centre, half, stride = graph.add_many("Split", 3, priors, graph.constant([2, 2, 2], np.int64), axis=-1)
        place, growth = _halves(graph, codes)
        shift = graph.add("Mul", graph.add("Sub", place, graph.constant(0.5)), stride)
        return _corners(graph, graph.add("Add", centre, shift), graph.add("Mul", half, graph.add("Exp", growth)))

    def nms_threshold(self, post: Postprocess) -> float:
        """None: the detector's thresholds are on the two factors of a score, and were applied to them."""
        return 0.0


def delta_max_ratio(wh_ratio_clip: float = 16 / 1000) -> float:
    """Bound of the width and height deltas; the default is mmdet's `delta2bbox`'s."""
    return abs(math.log(wh_ratio_clip))


def _halves(graph: GraphBuilder, value: str) -> list[str]:
    return graph.add_many("Split", 2, value, graph.constant([2, 2], np.int64), axis=-1)


def _corners(graph: GraphBuilder, centre: str, half: str) -> str:
    return graph.add("Concat", graph.add("Sub", centre, half), graph.add("Add", centre, half), axis=-1)
