"""What a scorer says of a subset."""

from dataclasses import dataclass

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.scoring.sorted_rows import Sorted
from anchorprune.scoring.state import State
from anchorprune.scoring.tables import Tables
from anchorprune.scoring.words import WORD, Words, bits_of


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


def left_detections(t: Tables, w: Words, state: State, candidates: Sorted, annotations: Annotations) -> LeftDetections:
    """What a subset's state leaves of the candidates."""
    c, start = candidates, t.image_start[:-1]
    image = np.repeat(np.arange(len(start)), np.diff(t.image_start))  # by image and rank, as `order` and `place`
    rank = np.arange(len(image)) - start[image]
    alive = bits_of(state.alive)[w.image_word[image] * WORD + w.place] != 0
    left = np.flatnonzero(alive & (rank <= state.cut[image]))
    index = start[image[left]] + t.order[left]
    image_id, category_id = annotations.image_ids, annotations.category_ids
    return LeftDetections(
        image_id[c.image[index]], category_id[c.category[index]], c.anchor[index], c.score[index], c.boxes[index]
    )
