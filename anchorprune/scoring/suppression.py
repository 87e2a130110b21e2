"""Who suppresses whom: connected components of the suppression graph, laid out in words, once."""

from typing import NamedTuple

import numpy as np

from anchorprune.scoring.components import join_overlapping, size_words
from anchorprune.scoring.fill import fill_words
from anchorprune.scoring.threads import Threads


class Suppression(NamedTuple):
    """Of n candidates in w words; what is not said here is as in `Words`. Words and rows count from the first image."""

    image_word: np.ndarray  # (I+1,)
    place: np.ndarray  # (n,) int32, in storage order: 64 * word + bit, from the image's first word
    bounds: np.ndarray  # (w,)
    span: np.ndarray  # (w,)
    head: np.ndarray  # (w,)
    rows_at: np.ndarray  # (w,)
    covers: np.ndarray
    giant_start: np.ndarray
    giants: np.ndarray


def suppression(
    boxes: np.ndarray,
    image_start: np.ndarray,
    unit_start: np.ndarray,
    turn: np.ndarray | None,
    nms_iou: float,
    threads: Threads,
) -> Suppression:
    """Lay candidates out.

    Args:
        boxes: (n, 4) float32, in storage order.
        image_start: (I+1,) int64.
        unit_start: (U+1,) int64; a unit is what NMS runs over: a group, or an image where it ignores categories.
        turn: (n,) int64, the candidates of units, best first; None: in storage order they are.
        nms_iou: overlap beyond which a box suppresses another.
        threads: that work.
    """
    start, limit = image_start, np.float32(nms_iou)
    boxes = boxes if turn is None else boxes[turn]
    root, degree = np.empty(len(boxes), np.int32), np.empty(len(boxes), np.int32)
    threads.map(lambda b: join_overlapping(boxes, unit_start, limit, *b, root, degree), threads.blocks(unit_start))
    sizes, blocks = np.zeros((len(start), 4), np.int64), threads.blocks(start)
    threads.map(lambda b: size_words(start, root, degree, *b, sizes), blocks)
    before = np.cumsum(sizes, 0)
    words, rows, giants, edges = before[-1].tolist()
    found = Suppression(
        image_word=np.ascontiguousarray(before[:, 0]),
        place=np.empty(len(boxes), np.int32),
        bounds=np.empty(words, np.uint64),
        span=np.empty(words, np.int32),
        head=np.empty(words, np.int32),
        rows_at=np.empty(words, np.int64),
        covers=np.zeros(rows, np.uint64),
        giant_start=np.full(giants + 1, edges, np.int64),
        giants=np.empty(edges, np.uint16),
    )
    threads.map(lambda b: fill_words(start, root, boxes, limit, *b, before, found), blocks)
    if turn is None:
        return found
    place = np.empty_like(found.place)
    place[turn] = found.place
    return found._replace(place=place)
