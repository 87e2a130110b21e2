"""Ground truth as the matching wants it, and where its recall thresholds lie."""

from dataclasses import dataclass

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.scoring.precision import recall_weights
from anchorprune.scoring.tables import AREAS, CROWD, NO_ID


@dataclass(frozen=True)
class Truth:
    """Ground truth by image, then category, else in the annotations' order.

    Attributes:
        image: (M,) int32.
        category: (M,) int32.
        boxes: (M, 4) float64, x y w h.
        flags: (M,) uint8, bit a: ignored in area a; CROWD; NO_ID.
    """

    image: np.ndarray
    category: np.ndarray
    boxes: np.ndarray
    flags: np.ndarray


def sort_truth(annotations: Annotations) -> Truth:
    """Sort ground truth by image and category, and find where COCO's protocol ignores it."""
    order = np.lexsort((annotations.category_index, annotations.image_index))
    area, crowd = annotations.area[order], annotations.iscrowd[order]
    flags = np.where(crowd, CROWD, 0) | np.where(annotations.ids[order] == 0, NO_ID, 0)
    for bit, (low, high) in enumerate(AREAS):
        flags |= np.where(crowd | (area < low) | (area > high), 1 << bit, 0)
    image, category = annotations.image_index[order], annotations.category_index[order]
    boxes = np.ascontiguousarray(annotations.boxes[order], np.float64).reshape(-1, 4)
    return Truth(image.astype(np.int32), category.astype(np.int32), boxes, flags.astype(np.uint8))


def recall_tables(truth: Truth, categories: int) -> dict[str, np.ndarray]:
    """The tables `weights` and `weight_start`: each area's and category's recall thresholds, in true positives."""
    tables, weight_start = [], np.zeros((len(AREAS), categories + 1), np.int64)
    total = 0
    for area in range(len(AREAS)):
        counts = np.bincount(truth.category[truth.flags >> area & 1 == 0], minlength=categories)
        for category in range(categories):
            weight_start[area, category] = total
            if counts[category]:
                tables.append(recall_weights(int(counts[category])))
                total += len(tables[-1])
        weight_start[area, categories] = total
    return {"weights": np.concatenate([*tables, np.empty(0, np.int32)]), "weight_start": weight_start}
