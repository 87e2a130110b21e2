"""From a predictions file and annotations to `Tables`: everything that does not depend on the subset, once."""

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.errors import UserError
from anchorprune.heads.predictions import Postprocess, Predictions
from anchorprune.scoring.ground_truth import Truth, recall_tables, sort_truth
from anchorprune.scoring.matching import match_rows
from anchorprune.scoring.pack import packed
from anchorprune.scoring.sorted_rows import Sorted, sort_rows, usable_rows
from anchorprune.scoring.suppression import suppression
from anchorprune.scoring.tables import AREAS, IOU_THRESHOLDS, Columns, Tables
from anchorprune.scoring.threads import Threads
from anchorprune.scoring.words import Words

MAX_GROUP = 65536  # places within a component are stored in 16 bits


def prepare(predictions: Predictions, annotations: Annotations, threads: Threads) -> tuple[Tables, Words, Sorted]:
    """Build the tables.

    Raises:
        UserError: the predictions are damaged, or belong to another data set than the annotations.
    """
    post, head = predictions.postprocess, predictions.head
    rows = usable_rows(predictions, annotations)
    image_start = np.searchsorted(rows.image, np.arange(len(annotations.images) + 1)).astype(np.int64)
    found, rank, order = sort_rows(rows, image_start, len(annotations.category_ids), threads)
    del rows
    group_start, image_group = _groups(found, image_start)
    truth = sort_truth(annotations)
    parts = {
        "image_start": image_start,
        "image_group": image_group,
        "group_start": group_start,
        "group_image": found.image[group_start[:-1]],
        "group_category": found.category[group_start[:-1]],
        "group_of": np.repeat(np.arange(len(group_start) - 1, dtype=np.int32), np.diff(group_start)),
        "anchor": found.anchor,
        "live_anchor": _live_anchor(found, post.min_size, head.num_anchors),
        "rank": rank,
        "order": order,
        "truth_flags": truth.flags,
        "level": np.array(head.level_of_anchor, np.int16),
        "nms_pre": -1 if post.nms_pre is None or post.nms_pre < 0 else post.nms_pre,
        "max_per_image": post.max_per_image if post.max_per_image >= 0 else 2**31 - 2,
        "agnostic": int(post.class_agnostic),
    }
    parts |= {"slow": _slow_images(found, image_start, head.level_of_anchor, post)}
    if np.diff(image_start if post.class_agnostic else group_start).max() >= MAX_GROUP:
        raise UserError(
            f"{predictions.path}: an image has over {MAX_GROUP} boxes in one NMS; raise the score threshold"
        )
    parts |= _positions(found, len(annotations.category_ids), threads)
    parts |= _matches(found, parts, truth, threads)
    parts |= recall_tables(truth, len(annotations.category_ids))
    columns, tables = Columns(*(parts.pop(name) for name in Columns._fields)), Tables(**parts)
    turn = np.repeat(image_start[:-1], np.diff(image_start)) + order if post.class_agnostic else None
    units = image_start if post.class_agnostic else group_start
    suppressed = suppression(found.boxes, image_start, units, turn, post.nms_iou, threads)
    return tables, packed(tables, columns, suppressed, threads), found


def _groups(found: Sorted, image_start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    new = (np.diff(found.image) != 0) | (np.diff(found.category) != 0)
    group_start = np.concatenate([[0], np.flatnonzero(new) + 1, [len(found.image)]]).astype(np.int64)
    return group_start, np.searchsorted(group_start, image_start).astype(np.int64)


def _starts(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _live_anchor(found: Sorted, min_size: float, num_anchors: int) -> np.ndarray:
    if min_size < 0:
        return found.anchor
    size = found.boxes[:, 2:] - found.boxes[:, :2]
    wide = (size > np.float32(min_size)).all(1)
    return found.anchor if wide.all() else np.where(wide, found.anchor, num_anchors).astype(np.int16)


def _slow_images(found: Sorted, image_start: np.ndarray, level: tuple[int, ...], post: Postprocess) -> np.ndarray:
    images = len(image_start) - 1
    if post.nms_pre is None or post.nms_pre < 0:
        return np.zeros(images, np.bool_)
    levels = max(level) + 1
    cell = found.image.astype(np.int64) * levels + np.array(level, np.int64)[found.anchor]
    return (np.bincount(cell, minlength=images * levels).reshape(images, levels) > post.nms_pre).any(1)


def _positions(found: Sorted, categories: int, threads: Threads) -> dict[str, np.ndarray]:
    counts = np.bincount(found.category, minlength=categories)
    start, word = _starts(counts), _starts((counts + 63) // 64)
    members = np.argsort(found.category.astype(np.uint16) if categories < 65536 else found.category, kind="stable")
    position = np.empty(len(found.score), np.int32)
    inside = np.zeros((len(AREAS), word[-1] * 64), np.bool_)
    x1, y1, x2, y2 = found.boxes.T

    def run(category: int) -> None:
        mine = members[start[category] : start[category + 1]]
        mine = mine[np.argsort(-found.score[mine], kind="stable")]
        first = word[category] * 64
        position[mine] = np.arange(first, first + len(mine))
        width, height = (b[mine].astype(np.float64) - a[mine] for a, b in ((x1, x2), (y1, y2)))
        area = width * height
        for bit, (low, high) in enumerate(AREAS):
            inside[bit, first : first + len(mine)] = (area >= low) & (area <= high)

    threads.map(run, range(categories))
    bits = np.packbits(inside, axis=1, bitorder="little").view(np.uint64)
    return {"position": position, "category_word": word, "area_bits": bits}


def _matches(found: Sorted, parts: dict[str, np.ndarray], truth: Truth, threads: Threads) -> dict[str, np.ndarray]:
    categories = len(parts["category_word"]) - 1
    key = truth.image.astype(np.int64) * categories + truth.category
    group_key = parts["group_image"].astype(np.int64) * categories + parts["group_category"]
    ranges = np.stack([np.searchsorted(key, group_key, side) for side in ("left", "right")], 1).astype(np.int32)
    thresholds = np.minimum(IOU_THRESHOLDS, 1 - 1e-10)  # COCO's own guard for a threshold of 1
    match_row = np.full(len(found.score), -1, np.int32)
    blocks = threads.blocks(parts["group_start"])

    def run(block: tuple[int, int]) -> tuple[np.ndarray, ...]:
        given = found.boxes, parts["group_start"], ranges, truth.boxes, truth.flags, thresholds
        nothing = np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.uint16)
        count, entries = match_rows(*given, *block, False, match_row, nothing)
        rows = np.empty(count, np.int64), np.empty(entries, np.int32), np.empty(entries, np.uint16)
        match_rows(*given, *block, True, match_row, rows)
        return rows

    results = threads.map(run, blocks)
    offset, entry, starts = 0, 0, []
    for (first, end), (row_start, row_truth, _) in zip(blocks, results, strict=True):
        mine = match_row[parts["group_start"][first] : parts["group_start"][end]]
        mine[mine >= 0] += offset
        starts.append(row_start + entry)
        offset, entry = offset + len(row_start), entry + len(row_truth)
    position = parts["position"][match_row >= 0]
    slot_order = np.argsort(position, kind="stable")
    slot = np.empty(len(position), np.int32)
    slot[slot_order] = np.arange(len(position))
    slot_position = position[slot_order]
    return {
        "group_truth": ranges,
        "match_row": match_row,
        "group_row": _starts(match_row >= 0)[parts["group_start"]],
        "row_start": np.concatenate([*starts, [entry]]).astype(np.int64),
        "row_truth": np.concatenate([result[1] for result in results]),
        "row_pass": np.concatenate([result[2] for result in results]),
        "row_slot": slot,
        "slot_position": slot_position,
        "category_slot": np.searchsorted(slot_position, parts["category_word"] * 64).astype(np.int64),
    }
