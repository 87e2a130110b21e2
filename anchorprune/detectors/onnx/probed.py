"""What a head's raw outputs mean, found out by giving its last convolutions other weights and looking at the outputs.

With weights and biases of nought every raw output is 0: sigmoids are 0.5, and each box is its anchor, in the middle of
its cell. With biases of random signs every output moves to the side of its own channel's sign, or it is another
channel's.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from anchorprune.detectors.onnx.nodes import producers
from anchorprune.detectors.onnx.observed import run
from anchorprune.detectors.onnx.read_graph import FIXED, YoloGraph
from anchorprune.errors import UserError

_TOLERANCE = 0.01  # pixels; half floats are coarser, see below


@dataclass(frozen=True)
class Probed:
    """What was found out.

    Attributes:
        anchors: for each level the (w, h) of its anchors, input pixels; None where the graph does not decode.
        activated: raw outputs have been through a sigmoid.
        fractions: decoded boxes are in fractions of the input, not in its pixels.
    """

    anchors: tuple[tuple[tuple[float, float], ...], ...] | None
    activated: bool
    fractions: bool


def probe(read: YoloGraph) -> Probed:
    """Find out what the outputs of a graph mean.

    Raises:
        UserError: its boxes are not centre, width and height at their anchors, its scores no sigmoids, or its channels
            in another order.
    """
    signs = [np.random.default_rng(0).choice([-1.0, 1.0], read.width * count) for count in read.counts]
    still, moved = _rows(read, [np.zeros_like(sign) for sign in signs]), _rows(read, signs)
    rest = still[0][:, FIXED - 1 :]
    activated = bool(np.allclose(rest, 0.5, atol=1e-3))
    if not activated and (read.decoded is not None or not np.allclose(rest, 0, atol=1e-3)):
        raise UserError(
            f"{read.source}: its scores are no sigmoids of single channels; give an export of YOLOv5's form"
        )
    fractions = read.decoded is not None and bool((still[0][:, :2] < 1).all())
    unit = np.array(read.size * 2 if fractions else (1, 1, 1, 1), float)  # pixels
    anchors = None if read.decoded is None else _anchors(read, still[0][:, :4] * unit, still[1])
    owner = np.concatenate([sign.reshape(-1, read.width) for sign in signs])[still[1]]
    change = (moved[0] - still[0]) * owner
    if not (change > 0).all():
        raise UserError(
            f"{read.source}: the channels of its head are not anchor by anchor x, y, w, h, objectness, classes; "
            "give an export of YOLOv5's or v7's form"
        )
    return Probed(anchors, activated, fractions)


def _rows(read: YoloGraph, biases: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Outputs with these biases and no weights: (rows, width) float64; and the anchor of each row."""
    model, makers = onnx.ModelProto(), producers(read.model.graph)
    model.CopyFrom(read.model)
    nodes = {node.output[0]: node for node in model.graph.node}
    for number, (head, bias) in enumerate(zip(read.heads, biases, strict=True)):
        weight = read.observed.value(makers[head].input[1])
        for kind, value in (("weight", np.zeros_like(weight)), ("bias", bias.astype(weight.dtype))):
            model.graph.initializer.append(numpy_helper.from_array(value, f"probed/{number}/{kind}"))
        del nodes[head].input[1:]
        nodes[head].input.extend([f"probed/{number}/weight", f"probed/{number}/bias"])
    if read.decoded is not None:
        found = run(model, [read.decoded], read.size)[read.decoded]
        return found[0].astype(np.float64), read.anchor_of_row
    found = run(model, read.raw, read.size)
    levels = [raw_rows(found[name], count, read.width) for name, count in zip(read.raw, read.counts, strict=True)]
    parts = [part.reshape(-1, read.width) for part in levels]
    cells = [part.shape[1] * part.shape[2] for part in levels]
    return np.concatenate(parts).astype(np.float64), np.repeat(
        np.arange(sum(read.counts)), np.repeat(cells, read.counts)
    )


def raw_rows(value: np.ndarray, count: int, width: int) -> np.ndarray:
    """A level's raw output, (1, A * width, H, W) or (1, A, H, W, width), as (A, H, W, width)."""
    if value.ndim == 5:
        return value[0]
    return value[0].reshape(count, width, *value.shape[2:]).transpose(0, 2, 3, 1)


def _anchors(
    read: YoloGraph, pixels: np.ndarray, anchor_of_row: np.ndarray
) -> tuple[tuple[tuple[float, float], ...], ...]:
    found, number = [], 0
    tolerance = np.maximum(_TOLERANCE, np.abs(pixels) * 2e-3)
    for level, count in enumerate(read.counts):
        height, width = read.grid(level)
        stride = np.array([read.size[0] / width, read.size[1] / height])
        anchors = []
        for anchor in range(number, number + count):
            mine = anchor_of_row == anchor
            boxes, near = pixels[mine], tolerance[mine]
            cells = np.round(boxes[:, :2] / stride - 0.5)
            middle = (np.abs((cells + 0.5) * stride - boxes[:, :2]) <= near[:, :2]).all()
            own = (np.abs(boxes[:, 2:] - boxes[0, 2:]) <= near[:, 2:]).all() and (boxes[0, 2:] > 0).all()
            if not (middle and own and len(np.unique(cells, axis=0)) == height * width == len(cells)):
                raise UserError(
                    f"{read.source}: its boxes are not centre, width and height, one for each anchor of a cell, in "
                    "input pixels or fractions of the input; give an export of YOLOv5's or v7's form"
                )
            anchors.append((float(boxes[0, 2]), float(boxes[0, 3])))
        found.append(tuple(anchors))
        number += count
    return tuple(found)
