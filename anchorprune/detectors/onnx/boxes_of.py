"""From a graph's outputs to boxes, objectness and classes of every anchor of every cell."""

from collections.abc import Sequence

import numpy as np

from anchorprune.detectors.onnx.probed import raw_rows
from anchorprune.heads.head import Level


def decode_raw(outputs: Sequence[np.ndarray], levels: Sequence[Level], width: int, activated: bool) -> np.ndarray:
    """YOLOv5's boxes from raw outputs: s the sigmoid, centre (2 s - 0.5 + cell) stride, size (2 s)^2 anchor.

    Args:
        outputs: of each level, see `YoloGraph.raw`.
        levels: those that have anchors.
        width: values of a box.
        activated: they are sigmoids already.

    Returns:
        (boxes, width) float32: x, y, w, h in input pixels, objectness, classes; level by level, anchor by anchor, cell
        by cell.
    """
    parts = []
    for output, level in zip(outputs, levels, strict=True):
        rows = raw_rows(output.astype(np.float32), len(level.anchors), width)
        rows = rows.copy() if activated else _sigmoid(rows)
        down, right = np.mgrid[: rows.shape[1], : rows.shape[2]]
        rows[..., :2] = (2 * rows[..., :2] - 0.5 + np.stack([right, down], -1)) * level.stride
        rows[..., 2:4] = (2 * rows[..., 2:4]) ** 2 * np.array(level.anchors, np.float32)[:, None, None]
        parts.append(rows.reshape(-1, width))
    return np.concatenate(parts).astype(np.float32)


def candidates(
    rows: np.ndarray, threshold: float, multi_label: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The (box, class) pairs that score, objectness times class, more than a threshold.

    Args:
        rows: (n, 5 + classes) float32, see `decode_raw`.
        threshold: of the score.
        multi_label: every class of a box; else its best one alone, of equal ones the first.

    Returns:
        row (k,), class (k,), score (k,) float32, box (k, 4) float32 x1 y1 x2 y2 in input pixels; by row, then by class.
    """
    near = np.flatnonzero(rows[:, 4] > np.float32(threshold))  # a class's probability is 1 at the most
    scores = rows[near, 4:5] * rows[near, 5:]
    if multi_label:
        row, label = np.nonzero(scores > np.float32(threshold))
    else:
        best = scores.argmax(1)
        row = np.flatnonzero(scores[np.arange(len(best)), best] > np.float32(threshold))
        label = best[row]
    centre, half = rows[near[row], :2], rows[near[row], 2:4] / 2
    return near[row], label, scores[row, label], np.concatenate([centre - half, centre + half], 1)


def raw_anchor_of_row(levels: Sequence[Level], numbers: Sequence[int]) -> np.ndarray:
    """(boxes,) the anchor of each row of `decode_raw`; `numbers`: of the levels' anchors."""
    cells = [level.grid[0] * level.grid[1] for level in levels for _ in level.anchors]
    return np.repeat(np.asarray(numbers), cells)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return np.float32(1) / (np.float32(1) + np.exp(-np.clip(values, -80, 80), dtype=np.float32))
