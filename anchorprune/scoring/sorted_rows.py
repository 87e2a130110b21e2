"""The rows of a predictions file that can matter, in storage order."""

from dataclasses import dataclass

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.errors import UserError
from anchorprune.heads.predictions import Candidates, Predictions
from anchorprune.scoring.order import sort_images
from anchorprune.scoring.threads import Threads


@dataclass(frozen=True)
class Sorted:
    """Candidates above the score threshold, in storage order.

    Attributes:
        image: (N,) int32, index into the annotations' images.
        category: (N,) int32, index into the annotations' categories.
        anchor: (N,) int16.
        score: (N,) float32.
        boxes: (N, 4) float32, x1 y1 x2 y2, pixels of the original image.
    """

    image: np.ndarray
    category: np.ndarray
    anchor: np.ndarray
    score: np.ndarray
    boxes: np.ndarray


def usable_rows(predictions: Predictions, annotations: Annotations) -> Sorted:
    """The rows above the score threshold, as the file has them.

    Raises:
        UserError: there are none, or an image or category is not in the annotations.
    """
    rows: Candidates = predictions.load()
    image = _index(predictions, annotations.image_ids, rows.image_id, "image")
    category = _index(predictions, annotations.category_ids, rows.category_id, "category")
    keep = rows.score > np.float32(predictions.postprocess.score_threshold)
    if keep.all():
        return Sorted(image, category, rows.anchor, rows.score, rows.boxes)
    if not keep.any():
        threshold = predictions.postprocess.score_threshold
        raise UserError(f"{predictions.path}: no candidate scores more than the score threshold {threshold}")
    return Sorted(image[keep], category[keep], rows.anchor[keep], rows.score[keep], rows.boxes[keep])


def _index(predictions: Predictions, known: np.ndarray, ids: np.ndarray, what: str) -> np.ndarray:
    index = np.searchsorted(known, ids).astype(np.int32)
    strange = np.flatnonzero(index == len(known)) if len(known) else np.arange(len(ids))
    if not len(strange):
        strange = np.flatnonzero(known[index] != ids)
    if len(strange):
        raise UserError(
            f"{predictions.path}: row {strange[0]} has {what}_id {ids[strange[0]]}, which is not in the annotations;"
            " give the annotations of the split these predictions were made on"
        )
    return index


def sort_rows(
    rows: Sorted, image_start: np.ndarray, categories: int, threads: Threads
) -> tuple[Sorted, np.ndarray, np.ndarray]:
    """Rows by image, then category, then falling score; (N,) int32 each row's rank in its image, and the ranks' rows.

    Args:
        rows: by image.
        image_start: (images + 1,) int64, where each image's rows begin.
        categories: how many there are.
        threads: that sort.
    """
    size = len(rows.score)
    chosen, rank, order = np.empty(size, np.int64), np.empty(size, np.int32), np.empty(size, np.int32)

    def run(block: tuple[int, int]) -> None:
        sort_images(image_start, rows.category, rows.score, categories, *block, chosen, rank, order)

    threads.map(run, threads.blocks(image_start))
    found = Sorted(rows.image, rows.category[chosen], rows.anchor[chosen], rows.score[chosen], rows.boxes[chosen])
    return found, rank, order
