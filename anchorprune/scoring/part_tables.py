"""The tables of a part of the images, counted from the part's own first image, group, candidate, edge and row."""

from typing import NamedTuple

import numpy as np

from anchorprune.errors import UserError
from anchorprune.heads.predictions import Predictions
from anchorprune.scoring.ground_truth import Truth
from anchorprune.scoring.matching import match_rows
from anchorprune.scoring.sorted_parts import SortedPart
from anchorprune.scoring.sorted_rows import Sorted
from anchorprune.scoring.suppression import Suppression, suppression
from anchorprune.scoring.tables import AREAS, IOU_THRESHOLDS
from anchorprune.scoring.threads import Threads

MAX_GROUP = 65536  # places within a component are stored in 16 bits


class PartTables(NamedTuple):
    """Of n candidates, g groups, i images and s rows; what is not said here is as in `Tables`."""

    image_group: np.ndarray  # (i+1,)
    group_start: np.ndarray  # (g+1,)
    group_image: np.ndarray  # (g,) int32, among all images
    group_category: np.ndarray  # (g,)
    group_truth: np.ndarray  # (g, 2), among all ground truth
    live_anchor: np.ndarray  # (n,)
    areas: np.ndarray  # (n,) uint8, bit a: the box lies in area a
    suppression: Suppression
    match_row: np.ndarray  # (n,)
    row_start: np.ndarray  # (s,)
    row_truth: np.ndarray
    row_pass: np.ndarray


def part_tables(
    part: SortedPart, predictions: Predictions, truth: Truth, categories: int, threads: Threads
) -> PartTables:
    """Build them.

    Raises:
        UserError: too many boxes enter one NMS.
    """
    post, found = predictions.postprocess, part.found
    new = (np.diff(found.image) != 0) | (np.diff(found.category) != 0)
    start = np.concatenate([[0], np.flatnonzero(new) + 1, [len(found.image)]]).astype(np.int64)
    image, category = found.image[start[:-1]], found.category[start[:-1]]
    ranges = _truth_of_groups(image, category, truth, categories)
    return PartTables(
        np.searchsorted(start, part.image_start).astype(np.int64),
        start,
        image,
        category,
        ranges,
        _live_anchor(found, post.min_size, predictions.head.num_anchors),
        _areas(found),
        _suppression(part, start, predictions, threads),
        *_matches(found, start, ranges, truth, threads),
    )


def _truth_of_groups(image: np.ndarray, category: np.ndarray, truth: Truth, categories: int) -> np.ndarray:
    first, end = np.searchsorted(truth.image, [image[0], image[-1] + 1])
    key = truth.image[first:end].astype(np.int64) * categories + truth.category[first:end]
    group_key = image.astype(np.int64) * categories + category
    ends = [np.searchsorted(key, group_key, side) for side in ("left", "right")]
    return (first + np.stack(ends, 1)).astype(np.int32)


def _live_anchor(found: Sorted, min_size: float, num_anchors: int) -> np.ndarray:
    if min_size < 0:
        return found.anchor
    wide = (found.boxes[:, 2:] - found.boxes[:, :2] > np.float32(min_size)).all(1)
    return found.anchor if wide.all() else np.where(wide, found.anchor, np.int16(num_anchors))


def _areas(found: Sorted) -> np.ndarray:
    x1, y1, x2, y2 = found.boxes.T.astype(np.float64)
    area, bits = (x2 - x1) * (y2 - y1), np.zeros(len(found.score), np.uint8)
    for bit, (low, high) in enumerate(AREAS):
        bits |= ((area >= low) & (area <= high)).astype(np.uint8) << np.uint8(bit)
    return bits


def _suppression(part: SortedPart, group_start: np.ndarray, predictions: Predictions, threads: Threads) -> Suppression:
    post, start, units, turn = predictions.postprocess, part.image_start, group_start, None
    if post.class_agnostic:
        units, turn = start, np.repeat(start[:-1], np.diff(start)) + part.order
    if np.diff(units).max() >= MAX_GROUP:
        raise UserError(
            f"{predictions.path}: an image has over {MAX_GROUP} boxes in one NMS; raise the score threshold"
        )
    return suppression(part.found.boxes, start, units, turn, post.nms_iou, threads)


def _matches(
    found: Sorted, group_start: np.ndarray, ranges: np.ndarray, truth: Truth, threads: Threads
) -> tuple[np.ndarray, ...]:
    """The tables from `match_row` on."""
    thresholds = np.minimum(IOU_THRESHOLDS, 1 - 1e-10)  # COCO's own guard for a threshold of 1
    match_row, blocks = np.full(len(found.score), -1, np.int32), threads.blocks(group_start)

    def run(block: tuple[int, int]) -> tuple[np.ndarray, ...]:
        given = found.boxes, group_start, ranges, truth.boxes, truth.flags, thresholds
        nothing = np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.uint16)
        count, entries = match_rows(*given, *block, False, match_row, nothing)
        rows = np.empty(count, np.int64), np.empty(entries, np.int32), np.empty(entries, np.uint16)
        match_rows(*given, *block, True, match_row, rows)
        return rows

    results, row, entry = threads.map(run, blocks), 0, 0
    for (first, end), (row_start, row_truth, _) in zip(blocks, results, strict=True):
        mine = match_row[group_start[first] : group_start[end]]
        mine[mine >= 0] += row
        row_start += entry
        row, entry = row + len(row_start), entry + len(row_truth)
    return match_row, *(np.concatenate(columns) for columns in zip(*results, strict=True))
