"""Which boxes cannot be trained on, and what the user is told about them.

Evaluation sees every box of the annotation file as it is, however odd, as COCO's own does; only a train split is
written without these.
"""

from dataclasses import replace

import numpy as np

from anchorprune.datasets.annotations import Annotations

# Reasons a box is not trained on; position 0 means: it is. A box partly outside its image is trained on as it is.
REASONS = (
    "",
    "width or height is not above zero",
    "entirely outside the image",
    "a single pixel",
    "xmax <= xmin or ymax <= ymin",
)


def unusable(found: Annotations) -> np.ndarray:
    """Say for each box why no detector can be trained to find it.

    Returns:
        (M,) int8, an index into `REASONS`; 0 for a usable box. Width and height come before the position. Boxes of at
        most one pixel in both directions are slips of the mouse, no objects.
    """
    x, y, w, h = found.boxes.T
    width, height = (
        np.array([(image.width, image.height) for image in found.images]).reshape(-1, 2)[found.image_index].T
    )
    reason = np.zeros(len(found.boxes), dtype=np.int8)
    reason[(w <= 1) & (h <= 1)] = 3
    reason[(x >= width) | (y >= height) | (x + w <= 0) | (y + h <= 0)] = 2
    reason[(w <= 0) | (h <= 0)] = 1
    return reason


def coco_trainable(found: Annotations) -> Annotations:
    """The boxes that can be trained on; `skipped` of the result reports the others."""
    return _without(found, unusable(found), found.boxes)


def voc_trainable(found: Annotations) -> Annotations:
    """As `coco_trainable`, of boxes that come from VOC's corners, in VOC's own terms.

    There xmax == xmin is one pixel wide; in practice it is a slip of the mouse or a 0-based writer.
    """
    reasons = unusable(found)
    reasons[(found.boxes[:, 2:] <= 1).any(axis=1)] = 4
    corner, extent = found.boxes[:, :2], found.boxes[:, 2:]
    return _without(found, reasons, np.concatenate([corner + 1, corner + extent], axis=1))


def _without(found: Annotations, reasons: np.ndarray, shown: np.ndarray) -> Annotations:
    """The boxes without a reason; `shown` (M, 4) is how their file gives them."""
    keep = reasons == 0
    return replace(
        found,
        ids=found.ids[keep],
        image_index=found.image_index[keep],
        category_index=found.category_index[keep],
        boxes=found.boxes[keep],
        area=found.area[keep],
        iscrowd=found.iscrowd[keep],
        skipped=tuple(_line(found, row, reasons, shown) for row in np.flatnonzero(reasons).tolist()),
        difficult=None if found.difficult is None else found.difficult[keep],
    )


def _line(found: Annotations, row: int, reasons: np.ndarray, shown: np.ndarray) -> str:
    """The line that reports one box that was left out."""
    name, box = found.images[found.image_index[row]].file_name, ", ".join(f"{value:g}" for value in shown[row])
    return f"{name}: annotation {found.ids[row]}: box [{box}] skipped: {REASONS[reasons[row]]}"
