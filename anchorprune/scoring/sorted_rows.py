"""Candidates in storage order."""

from dataclasses import dataclass

import numpy as np

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
