"""Levels of images of one size, as decoding sees them: raw outputs, a grid, and anchors that can be written down."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from onnxscript import GraphBuilder, OpBuilder, ir

from anchorprune.deploy.onnx.any_size import AnySizeLevel
from anchorprune.deploy.onnx.coding import Coding

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

    @property
    def cell(self) -> np.ndarray:
        """(A, 4) float32, the first cell's anchors x1 y1 x2 y2, input pixels."""
        return self.boxes[: self.anchors]

    @property
    def count(self) -> int:
        """Anchors of all cells."""
        return len(self.boxes)

    @property
    def steps(self) -> tuple[float, float]:
        """(x, y) distance of neighbouring cells, input pixels; torchvision's may be no whole numbers."""
        places, (rows, columns) = self.boxes.reshape(*self.grid, -1, 4)[:, :, 0, :2].astype(np.float64), self.grid
        along = (places[0, -1, 0] - places[0, 0, 0]) / (columns - 1) if columns > 1 else self.stride
        down = (places[-1, 0, 1] - places[0, 0, 1]) / (rows - 1) if rows > 1 else self.stride
        return float(along), float(down)

    def priors(self, op: OpBuilder, coding: Coding, output: ir.Value) -> ir.Value:
        """What decoding needs of the anchors, (H * W * A, P); a raw output would tell no more than the grid does."""
        return op.initializer(ir.tensor(coding.priors(self.boxes, self.stride)), f"priors_{self.names[0]}")

    def only(self, anchors: Sequence[int]) -> "LevelOutputs":
        """The level with some of its anchors, given by position."""
        cells = self.boxes.reshape(self.grid[0] * self.grid[1], -1, 4)
        return replace(self, boxes=np.ascontiguousarray(cells[:, list(anchors)]).reshape(-1, 4))


Level = LevelOutputs | AnySizeLevel


def raw_inputs(graph: GraphBuilder, level: Level, coding: Coding) -> list[ir.Value]:
    """A level's raw outputs, (batch, A * channels, H, W), as inputs of a graph."""
    return [
        graph.input(name, ir.DataType.FLOAT, (BATCH, level.anchors * width, *level.grid))
        for name, width in zip(level.names, coding.channels, strict=True)
    ]


def read_level(op: OpBuilder, raw: Sequence[ir.Value], coding: Coding) -> tuple[ir.Value, ir.Value]:
    """Scores (batch, M, C) and codes (batch, M, 4) of a level's boxes, cell by cell."""
    return coding.scores(op, [_rows(op, *each) for each in zip(raw, coding.channels, strict=True)])


def all_priors(
    op: OpBuilder, levels: Sequence[Level], coding: Coding, raw: Sequence[Sequence[ir.Value]]
) -> Sequence[ir.Value]:
    """What decoding needs of all levels' anchors, pairs (M, 2); constants where they are: not every runtime splits."""
    fixed = [level for level in levels if isinstance(level, LevelOutputs)]
    if len(fixed) < len(levels):
        parts = [level.priors(op, coding, outputs[0]) for level, outputs in zip(levels, raw, strict=True)]
        return pairs(op, joined(op, parts, axis=0), coding)
    values = np.concatenate([coding.priors(level.boxes, level.stride) for level in fixed])
    columns = np.split(values, coding.prior_parts, axis=1)
    return [op.initializer(ir.tensor(part), f"priors_{number}") for number, part in enumerate(columns)]


def pairs(op: OpBuilder, priors: ir.Value, coding: Coding) -> Sequence[ir.Value]:
    """Priors (.., M, P) as decoding takes them, pairs (.., M, 2)."""
    return op.Split(priors, [2] * coding.prior_parts, axis=-1, _outputs=coding.prior_parts)


def joined(op: OpBuilder, parts: Sequence[ir.Value], axis: int = 1) -> ir.Value:
    """Levels' parts, one behind the other."""
    return op.Concat(*parts, axis=axis) if len(parts) > 1 else parts[0]


def _rows(op: OpBuilder, value: ir.Value, width: int) -> ir.Value:
    """(batch, A * width, H, W) -> (batch, H * W * A, width)."""
    return op.Reshape(op.Transpose(value, perm=[0, 2, 3, 1]), [0, -1, width])
