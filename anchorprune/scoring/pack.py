"""From tables to words: connected components of the suppression graph, laid out in words, once."""

import numpy as np

from anchorprune.scoring.components import join_overlapping, size_words
from anchorprune.scoring.fill import fill_words, list_entries
from anchorprune.scoring.tables import BLOCK, MAX_DETECTIONS, Columns, Tables, blocks_of
from anchorprune.scoring.threads import Threads
from anchorprune.scoring.words import WORD, Words


def packed(t: Tables, c: Columns, nms_iou: float, threads: Threads) -> Words:
    """The words of all candidates.

    Args:
        t: the tables.
        c: the candidates.
        nms_iou: overlap beyond which a box suppresses another.
        threads: that work.
    """
    start, images, limit, unit_start = t.image_start, len(t.image_start) - 1, np.float32(nms_iou), t.group_start
    long = (np.diff(t.group_start) > MAX_DETECTIONS) & (t.max_per_image > MAX_DETECTIONS)
    columns, boxes, anchor = (*c[1:], long[c.group_of]), c.boxes, t.live_anchor
    if t.agnostic:
        unit_start = t.image_start
        turn = np.repeat(t.image_start[:-1], np.diff(t.image_start)) + t.order
        boxes, anchor, columns = boxes[turn], anchor[turn], tuple(column[turn] for column in columns)
    root, degree = np.empty(len(anchor), np.int32), np.empty(len(anchor), np.int32)
    threads.map(lambda b: join_overlapping(boxes, unit_start, limit, *b, root, degree), threads.blocks(unit_start))
    blocks = [(low * BLOCK, min(high * BLOCK, images)) for low, high in threads.blocks(blocks_of(start))]
    sizes = np.zeros((images + 1, 4), np.int64)
    entries = np.zeros((len(blocks_of(start)) - 1, len(t.level)), np.int64)
    threads.map(lambda b: size_words(start, root, degree, anchor, *b, sizes, entries), blocks)
    before = np.cumsum(sizes, 0)
    words = _empty(t, before, np.concatenate([[0], np.cumsum(entries)]).astype(np.int64))
    threads.map(lambda b: fill_words(start, root, boxes, limit, columns, *b, before, words), blocks)
    threads.map(lambda b: list_entries(start, root, anchor, *b, before, words), blocks)
    return words


def _empty(t: Tables, before: np.ndarray, entry_start: np.ndarray) -> Words:
    candidates, (words, rows, giants, edges) = len(t.anchor), before[-1].tolist()
    block_rows = np.diff(t.group_row[t.image_group[np.append(np.arange(0, len(before) - 1, BLOCK), -1)]])
    by_word = {name: np.empty(words, np.uint64) for name in ("bounds", "has_row", "in_long")}
    by_candidate = {name: np.empty(candidates, np.int32) for name in ("position", "rank", "row", "group", "place")}
    return Words(
        image_word=np.ascontiguousarray(before[:, 0]),
        word_image=np.repeat(np.arange(len(before) - 1, dtype=np.int32), np.diff(before[:, 0])),
        word_start=np.empty(words, np.int64),
        span=np.empty(words, np.int32),
        head=np.empty(words, np.int32),
        rows_at=np.empty(words, np.int64),
        covers=np.zeros(rows, np.uint64),
        giant_start=np.full(giants + 1, edges, np.int64),
        giants=np.empty(edges, np.uint16),
        entry_start=entry_start,
        entry_word=np.empty(entry_start[-1], np.int32),
        entry_mask=np.empty(entry_start[-1], np.uint64),
        row_word=np.concatenate([[0], np.cumsum((block_rows + WORD - 1) // WORD)]).astype(np.int64),
        **by_word,
        **by_candidate,
    )
