"""Kernels that fill words with who suppresses whom."""

import numpy as np

from anchorprune.scoring.compiled import kernel
from anchorprune.scoring.components import lay_out, layout_space
from anchorprune.scoring.order import overlaps_more
from anchorprune.scoring.words import DENSE, WORD


@kernel
def fill_words(image_start, root, boxes, limit, first, end, before, found):
    """Fill the words of images first..end.

    Args:
        image_start: (I+1,) int64.
        root: (N,) int32.
        boxes: (N, 4) float32.
        limit: float32 IoU.
        first: first image.
        end: one past the last image.
        before: (I+1, 4) int64, running totals of `sizes` of `size_words`.
        found: out, a `Suppression`.
    """
    size, member = layout_space(image_start, first, end)
    for image in range(first, end):
        start = image_start[image]
        words = lay_out(root, start, image_start[image + 1], size, member)
        base, row, giant, edge = before[image]
        for v in range(words):
            word, comp = base + v, root[member[v * WORD]]
            whole = (size[comp - start] + WORD - 1) // WORD
            head = 0 if whole == 1 or member[v * WORD] == comp else found.head[word - 1] + 1
            found.head[word], found.span[word] = head, whole - head
            found.rows_at[word] = row if whole <= DENSE else -1 - giant
            bounds = np.uint64(0)
            for place in range(v * WORD, (v + 1) * WORD):
                i = member[place]
                if i < 0:
                    break
                found.place[i] = place
                bounds |= np.uint64(i == root[i]) << np.uint64(place - v * WORD)
                if whole <= DENSE:
                    mark_covered(boxes, root, limit, member, place, words, found.covers, row)
                    row += whole - head
                else:
                    found.giant_start[giant] = edge
                    giant += 1
                    edge = list_covered(boxes, root, limit, member, place, words, (v - head) * WORD, found.giants, edge)
            found.bounds[word] = bounds


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
