"""A data set's boxes in the pixels of a network's input, which is what anchors are measured in."""

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.unusable import unusable


def scaled_boxes(truth: Annotations, size: tuple[int, int], keep_ratio: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """A data set's boxes in input pixels; crowds and boxes that cannot be trained on are left out.

    Args:
        truth: the annotations.
        size: (W, H) of the input.
        keep_ratio: scale each image by one factor so that its long side is at most the input's long side and its
            short side at most the short one (mmdet's `Resize(keep_ratio=True)`); else stretch it to the input.

    Returns:
        boxes (M, 4) float64 x1 y1 x2 y2, and with `keep_ratio` the (M, 2) width and height of each box's image.
    """
    whole = ~truth.iscrowd & (unusable(truth) == 0)
    images, factor = image_scales(truth, size, keep_ratio)
    index = truth.image_index[whole]
    corners = truth.boxes[whole].astype(np.float64)
    corners[:, 2:] += corners[:, :2]
    boxes = corners * np.tile(factor[index], 2)
    return boxes, (images * factor)[index] if keep_ratio else None


def image_scales(truth: Annotations, size: tuple[int, int], keep_ratio: bool) -> tuple[np.ndarray, np.ndarray]:
    """(N, 2) width and height of each image, original pixels, and (N, 2) what takes them to input pixels, float64.

    Arguments as `scaled_boxes`.
    """
    images = np.array([(image.width, image.height) for image in truth.images], np.float64).reshape(-1, 2)
    if keep_ratio:
        factor = np.minimum(max(size) / images.max(1), min(size) / images.min(1))[:, None].repeat(2, 1)
    else:
        factor = np.array(size, np.float64) / images
    return images, factor
