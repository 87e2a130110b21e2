"""Levels of images of any size: their anchors, which a fixed size lets one write down, are computed by the graph."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from onnxscript import OpBuilder, ir

from anchorprune.deploy.onnx.coding import Coding


@dataclass(frozen=True)
class AnySizeLevel:
    """A level that keeps anchors, of images of any size.

    Attributes:
        names: of its raw outputs, in the coding's order.
        cell: (A, 4) float32, the first cell's anchors x1 y1 x2 y2, input pixels.
        strides: (x, y) distance of neighbouring cells, input pixels.
        count: of its anchors on all cells, which the image decides.
    """

    names: tuple[str, ...]
    cell: np.ndarray
    strides: tuple[int, int]
    count: ClassVar[None] = None

    @property
    def anchors(self) -> int:
        """Anchors of each cell."""
        return len(self.cell)

    @property
    def steps(self) -> tuple[float, float]:
        """As of `LevelOutputs`."""
        return float(self.strides[0]), float(self.strides[1])

    @property
    def grid(self) -> tuple[str, str]:
        """Names of the cells' numbers, (H, W)."""
        return f"rows_{self.names[0]}", f"columns_{self.names[0]}"

    def priors(self, op: OpBuilder, coding: Coding, output: ir.Value) -> ir.Value:
        """What decoding needs of the anchors of a raw output (batch, channels, H, W): (H * W * A, P), cell by cell.

        Source of the arithmetic: mmdet's `AnchorGenerator`, whose sums are these in float32.
        """
        rows, columns = (op.Shape(output, start=axis, end=axis + 1) for axis in (2, 3))
        x, y = (_steps(op, number, step) for number, step in zip((columns, rows), self.strides, strict=True))
        cells = op.Concat(rows, columns, [1], axis=0)
        shifts = [op.Expand(op.Reshape(x, [1, -1, 1]), cells), op.Expand(op.Reshape(y, [-1, 1, 1]), cells)]
        first = op.initializer(ir.tensor(self.cell), f"cell_{self.names[0]}")
        boxes = op.Add(first, op.Unsqueeze(op.Concat(*shifts, *shifts, axis=-1), [2]))  # (H, W, A, 4)
        return coding.priors_of(op, op.Reshape(boxes, [-1, 4]), float(self.strides[0]))


def _steps(op: OpBuilder, number: ir.Value, step: int) -> ir.Value:
    """(number,) float32: 0, step, 2 * step and so on."""
    counted = op.Range(0, op.Squeeze(number, [0]), 1)
    return op.Mul(op.Cast(counted, to=ir.DataType.FLOAT), float(step))
