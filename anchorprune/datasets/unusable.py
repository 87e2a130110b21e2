"""Which boxes cannot be used, and what the user is told about them."""

from collections.abc import Callable

import numpy as np

# Reasons a box is left out; position 0 means: it is kept. A box partly outside its image is kept as it is: COCO's
# evaluation does not clip ground truth, and clipping it here would change AP.
REASONS = (
    "",
    "width or height is not above zero",
    "entirely outside the image",
    "a single pixel",
    "xmax <= xmin or ymax <= ymin",
)


def unusable(boxes: np.ndarray, sizes: np.ndarray, skip_points: bool = False) -> np.ndarray:
    """Say for each box why it cannot be used.

    Args:
        boxes: (M, 4) float64, x y w h, pixels.
        sizes: (M, 2) width and height of each box's image, pixels.
        skip_points: also leave out boxes of at most one pixel in both directions: slips of the mouse, no objects.

    Returns:
        (M,) int8, an index into `REASONS`; 0 for a usable box. Width and height come before the position.
    """
    x, y, w, h = boxes.T
    width, height = sizes.T
    reason = np.zeros(len(boxes), dtype=np.int8)
    if skip_points:
        reason[(w <= 1) & (h <= 1)] = 3
    reason[(x >= width) | (y >= height) | (x + w <= 0) | (y + h <= 0)] = 2
    reason[(w <= 0) | (h <= 0)] = 1
    return reason


def skip_line(file_name: str, annotation_id: int, reason: int, box: np.ndarray) -> str:
    """The line that reports one box that was left out; `box` is shown as its file gives it."""
    shown = ", ".join(f"{value:g}" for value in box)
    return f"{file_name}: annotation {annotation_id}: box [{shown}] skipped: {REASONS[reason]}"


def skip_lines(reasons: np.ndarray, ids: np.ndarray, boxes: np.ndarray, name_of: Callable[[int], str]) -> tuple:
    """One line per box with a reason, in the boxes' order; `name_of(i)` is the file name of box i's image."""
    rows = np.flatnonzero(reasons)
    return tuple(skip_line(name_of(row), int(ids[row]), int(reasons[row]), boxes[row]) for row in rows.tolist())


def file_name_of(line: str) -> str:
    """The image's file name in a line of `skip_line`."""
    return line.partition(": annotation ")[0]
