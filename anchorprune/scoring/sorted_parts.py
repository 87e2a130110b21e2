"""A predictions file's candidates in storage order, a part of the images at a time; all are never in memory at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.errors import UserError
from anchorprune.heads.predictions import Predictions
from anchorprune.scoring.sorted_rows import Sorted, sort_rows
from anchorprune.scoring.threads import Threads

ROWS = 1 << 19  # candidates of a part, about


@dataclass(frozen=True)
class SortedPart:
    """The candidates of consecutive images above the score threshold, n of them.

    Attributes:
        first: index of the first image into the annotations' images.
        image_start: (images + 1,) int64, where each image's candidates begin, from 0.
        found: the candidates.
        rank: (n,) int32, see `Tables`.
        order: (n,) int32, see `Tables`.
    """

    first: int
    image_start: np.ndarray
    found: Sorted
    rank: np.ndarray
    order: np.ndarray


@dataclass(frozen=True)
class OnFile:
    """Candidates that are read again when they are asked for; the file must still be there.

    Attributes:
        predictions: the file.
        annotations: of its images.
        threads: that sort.
    """

    predictions: Predictions
    annotations: Annotations
    threads: Threads

    def read(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n,) float32 scores and (n, 4) float32 boxes x1 y1 x2 y2 of some candidates, by their place in storage order.

        Raises:
            UserError: the file is gone or damaged.
        """
        score, boxes, first = np.empty(len(index), np.float32), np.empty((len(index), 4), np.float32), 0
        for part in sorted_parts(self.predictions, self.annotations, self.threads):
            end = first + len(part.rank)
            mine = np.flatnonzero((index >= first) & (index < end))
            score[mine], boxes[mine] = part.found.score[index[mine] - first], part.found.boxes[index[mine] - first]
            first = end
        return score, boxes


def sorted_parts(predictions: Predictions, annotations: Annotations, threads: Threads) -> Iterator[SortedPart]:
    """Every candidate above the score threshold; the parts' images follow one another and are all the annotations'.

    Raises:
        UserError: the predictions are damaged, no row is above the threshold, or an image or category is not in the
            annotations.
    """
    first, images, waiting = 0, len(annotations.images), None
    for rows in _whole_images(_usable_rows(predictions, annotations)):
        if waiting is not None:
            end = int(rows.image[0])
            yield _sorted(waiting, first, end, annotations, threads)
            first = end
        waiting = rows
    if waiting is None:
        threshold = predictions.postprocess.score_threshold
        raise UserError(f"{predictions.path}: no candidate scores more than the score threshold {threshold}")
    yield _sorted(waiting, first, images, annotations, threads)


def _sorted(rows: Sorted, first: int, end: int, annotations: Annotations, threads: Threads) -> SortedPart:
    image_start = np.searchsorted(rows.image, np.arange(first, end + 1)).astype(np.int64)
    found, rank, order = sort_rows(rows, image_start, len(annotations.category_ids), threads)
    return SortedPart(first, image_start, found, rank, order)


def _whole_images(parts: Iterator[Sorted]) -> Iterator[Sorted]:
    """Rows of whole images, about ROWS at a time."""
    held: list[Sorted] = []
    for part in parts:
        held.append(part)
        if sum(len(rows.score) for rows in held) < ROWS:
            continue
        joined = _joined(held)
        whole = int(np.searchsorted(joined.image, joined.image[-1]))  # the last image may go on
        if whole:
            yield _chosen(joined, slice(whole))
        held = [_chosen(joined, slice(whole, None))]
    if held:
        yield _joined(held)


def _usable_rows(predictions: Predictions, annotations: Annotations) -> Iterator[Sorted]:
    """The rows above the score threshold as the file has them, a part at a time; none without rows."""
    at = 0
    for rows in predictions.batches(ROWS // 4):
        image = _index(predictions, annotations.image_ids, rows.image_id, ("image", at))
        category = _index(predictions, annotations.category_ids, rows.category_id, ("category", at))
        keep = rows.score > np.float32(predictions.postprocess.score_threshold)
        usable = Sorted(image, category, rows.anchor, rows.score, rows.boxes)
        if keep.any():
            yield usable if keep.all() else _chosen(usable, keep)
        at += len(keep)


def _index(predictions: Predictions, known: np.ndarray, ids: np.ndarray, named: tuple[str, int]) -> np.ndarray:
    """(n,) int32, places of ids among the known ones; `named`: what they are of, and the first's row in the file."""
    index = np.searchsorted(known, ids).astype(np.int32)
    strange = np.flatnonzero(index == len(known)) if len(known) else np.arange(len(ids))
    if not len(strange):
        strange = np.flatnonzero(known[index] != ids)
    if len(strange):
        what, first = named
        raise UserError(
            f"{predictions.path}: row {first + strange[0]} has {what}_id {ids[strange[0]]}, which is not in the"
            " annotations; give the annotations of the split these predictions were made on"
        )
    return index


def _joined(parts: Sequence[Sorted]) -> Sorted:
    return Sorted(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Sorted)))


def _chosen(rows: Sorted, which: np.ndarray | slice) -> Sorted:
    return Sorted(*(getattr(rows, field.name)[which] for field in fields(Sorted)))
