"""What a scorer says of a subset."""

from dataclasses import dataclass

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.scoring.sorted_parts import OnFile
from anchorprune.scoring.state import State
from anchorprune.scoring.tables import ALIVE, Tables


@dataclass(frozen=True)
class Score:
    """COCO's average precisions, 0..1; -1 where no ground truth counts, as pycocotools gives it."""

    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float


@dataclass(frozen=True)
class LeftDetections:
    """What a pruned detector's post-processing leaves, by image, then falling score.

    Attributes:
        image_id: (D,) int64.
        category_id: (D,) int32.
        anchor: (D,) int16.
        score: (D,) float32.
        boxes: (D, 4) float32, x1 y1 x2 y2, pixels of the original image.
    """

    image_id: np.ndarray
    category_id: np.ndarray
    anchor: np.ndarray
    score: np.ndarray
    boxes: np.ndarray


def left_detections(t: Tables, state: State, candidates: OnFile, annotations: Annotations) -> LeftDetections:
    """What a subset's state leaves of the candidates."""
    cut = np.repeat(state.cut, np.diff(t.image_start))
    index = np.flatnonzero((state.flags & ALIVE != 0) & (t.rank <= cut))
    index = index[np.lexsort((t.rank[index], t.group_image[t.group_of[index]]))]
    group = t.group_of[index]
    image_id = annotations.image_ids[t.group_image[group]]
    category_id = annotations.category_ids[t.group_category[group]]
    return LeftDetections(image_id, category_id, t.anchor[index], *candidates.read(index))
