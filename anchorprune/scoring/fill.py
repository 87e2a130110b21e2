"""Kernels that fill the words."""

import numpy as np

from anchorprune.scoring.compiled import kernel
from anchorprune.scoring.components import lay_out, layout_space
from anchorprune.scoring.order import overlaps_more
from anchorprune.scoring.tables import BLOCK
from anchorprune.scoring.words import DENSE, WORD


@kernel
def fill_words(image_start, root, boxes, limit, columns, first, end, before, w):
    """Fill the words of images first..end.

    Args:
        image_start: (I+1,) int64.
        root: (N,) int32.
        boxes: (N, 4) float32.
        limit: float32 IoU.
        columns: of the candidates: rank, position, row and group, see `Words`, and uint8 whether the group is long.
        first: first image.
        end: one past the last image.
        before: (I+1, 4) int64, running totals of `sizes` of `size_words`.
        w: out, the words.
    """
    ranks, positions, rows, groups, long = columns
    size, member = layout_space(image_start, first, end)
    for image in range(first, end):
        start, made = image_start[image], image_start[image]
        words = lay_out(root, start, image_start[image + 1], size, member)
        base, row, giant, edge = before[image]
        for v in range(words):
            word, comp = base + v, root[member[v * WORD]]
            whole = (size[comp - start] + WORD - 1) // WORD
            w.head[word] = 0 if whole == 1 or member[v * WORD] == comp else w.head[word - 1] + 1
            w.span[word] = whole - w.head[word]
            w.word_start[word] = made
            w.rows_at[word] = row if whole <= DENSE else -1 - giant
            bounds, has_row, in_long = np.uint64(0), np.uint64(0), np.uint64(0)
            for place in range(v * WORD, (v + 1) * WORD):
                i = member[place]
                if i < 0:
                    break
                bit = np.uint64(1) << np.uint64(place - v * WORD)
                bounds |= bit * np.uint64(i == root[i])
                has_row |= bit * np.uint64(rows[i] >= 0)
                in_long |= bit * np.uint64(long[i])
                w.position[made], w.rank[made], w.row[made], w.group[made] = positions[i], ranks[i], rows[i], groups[i]
                w.place[start + ranks[i]] = place
                made += 1
                if whole <= DENSE:
                    mark_covered(boxes, root, limit, member, place, words, w.covers, row)
                    row += w.span[word]
                else:
                    w.giant_start[giant] = edge
                    giant += 1
                    origin = (v - w.head[word]) * WORD
                    edge = list_covered(boxes, root, limit, member, place, words, origin, w.giants, edge)
            w.bounds[word], w.has_row[word], w.in_long[word] = bounds, has_row, in_long


@kernel
def mark_covered(boxes, root, limit, member, place, words, covers, row):
    """Mark the candidate at `place` and all of its component that it would suppress, in `covers` from `row` on."""
    i, word = member[place], place // WORD
    covers[row] |= np.uint64(1) << np.uint64(place % WORD)
    for other in range(place + 1, words * WORD):
        k = member[other]
        if k < 0 or root[k] != root[i]:
            break
        if overlaps_more(boxes, i, k, limit):
            covers[row + other // WORD - word] |= np.uint64(1) << np.uint64(other % WORD)


@kernel
def list_covered(boxes, root, limit, member, place, words, origin, giants, edge):
    """List all of its component that the candidate at `place` would suppress, by places from `origin` on.

    Returns:
        Where the list ends.
    """
    i = member[place]
    for other in range(place + 1, words * WORD):
        k = member[other]
        if k < 0 or root[k] != root[i]:
            break
        if overlaps_more(boxes, i, k, limit):
            giants[edge] = other - origin
            edge += 1
    return edge


@kernel
def list_entries(image_start, root, anchor, first, end, before, w):
    """List the words of each anchor in images first..end; the first is the first of a block."""
    size, member = layout_space(image_start, first, end)
    anchors = (len(w.entry_start) - 1) // (len(w.row_word) - 1)
    following = np.empty(anchors, np.int64)
    for image in range(first, end):
        block = image // BLOCK * anchors
        if image % BLOCK == 0:
            following[:] = w.entry_start[block : block + anchors]
        words = lay_out(root, image_start[image], image_start[image + 1], size, member)
        for place in range(words * WORD):
            i, word = member[place], before[image, 0] + place // WORD
            if i < 0 or anchor[i] >= anchors:
                continue
            at = following[anchor[i]]
            if at > w.entry_start[block + anchor[i]] and w.entry_word[at - 1] == word:
                w.entry_mask[at - 1] |= np.uint64(1) << np.uint64(place % WORD)
            else:
                w.entry_word[at] = word
                w.entry_mask[at] = np.uint64(1) << np.uint64(place % WORD)
                following[anchor[i]] = at + 1
