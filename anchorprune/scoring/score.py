"""What a scorer says of a subset."""

from dataclasses import dataclass

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.scoring.sorted_parts import OnFile
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


def left_detections(t: Tables, w: Words, state: State, candidates: OnFile, annotations: Annotations) -> LeftDetections:
    """What a subset's state leaves of the candidates."""
    start = t.image_start[:-1]
    image = np.repeat(np.arange(len(start)), np.diff(t.image_start))  # by image and rank, as `order` and `place`
    place = w.image_word[image] * WORD + w.place
    rank = np.arange(len(image)) - start[image]
    left = np.flatnonzero((bits_of(state.alive)[place] != 0) & (rank <= state.cut[image]))
    index, group = start[image[left]] + t.order[left], w.group[w.word_start[place[left] // WORD] + place[left] % WORD]
    image_id = annotations.image_ids[image[left]]
    category_id = annotations.category_ids[t.group_category[group]]
    return LeftDetections(image_id, category_id, t.anchor[index], *candidates.read(index))
