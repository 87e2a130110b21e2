"""What a family makes of a level's raw outputs: one row per anchor of each cell, as post-processing wants it."""

from typing import NamedTuple

from torch import Tensor


class Pairs(NamedTuple):
    """One level of one image, all (box, class) pairs; rows go cell by cell, and anchor by anchor within a cell.

    Attributes:
        scores: (H * W * A, C) float32 in 0..1, what NMS and the evaluation rank by.
        passing: (H * W * A, C) bool, the pairs that the detector's thresholds let through.
        codes: (H * W * A, 4) float32, the boxes as the head codes them.
    """

    scores: Tensor
    passing: Tensor
    codes: Tensor


def rows(output: Tensor, width: int) -> Tensor:
    """(A * width, H, W) raw output of one image -> (H * W * A, width); a level without anchors gives no rows."""
    anchors = output.shape[0] // width
    return output.permute(1, 2, 0).reshape(anchors * output.shape[1] * output.shape[2], width)
