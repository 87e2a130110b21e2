"""Kernels that run once: which candidates suppress which, as connected components, and these laid out in words."""

import numpy as np

from anchorprune.scoring.compiled import kernel
from anchorprune.scoring.order import overlaps_more
from anchorprune.scoring.words import DENSE, WORD, most_between


@kernel
def root_of(root, i):
    """The first candidate of i's component, as far as known; shortens the way to it."""
    while root[i] != i:
        root[i] = root[root[i]]
        i = root[i]
    return i


@kernel
def join_overlapping(boxes, unit_start, limit, first, end, root, degree):
    """Find the connected components of units first..end.

    Args:
        boxes: (N, 4) float32, best score first within a unit.
        unit_start: (U+1,) int64; a unit is what NMS runs over: a group, or an image where it ignores categories.
        limit: float32 IoU.
        first: first unit.
        end: one past the last unit.
        root: (N,) int32, out: the first candidate of each one's component.
        degree: (N,) int32, out: how many a candidate would suppress.
    """
    for unit in range(first, end):
        low, high = unit_start[unit], unit_start[unit + 1]
        for i in range(low, high):
            root[i] = i
            degree[i] = 0
        for i in range(low, high):
            for k in range(i + 1, high):
                if overlaps_more(boxes, i, k, limit):
                    degree[i] += 1
                    one, other = root_of(root, i), root_of(root, k)
                    root[max(one, other)] = min(one, other)
        for i in range(low, high):
            root[i] = root[root[i]]


@kernel
def lay_out(root, start, end, size, member):
    """Lay an image's components out in words.

    Args:
        root: (N,) int32.
        start: the image's first candidate.
        end: one past its last.
        size: (>= n,) int32, out: the size of each component, at its first candidate.
        member: (>= 64 * words,) int32, out: the candidate at each place, -1 for none; n / 32 + 2 words at most.

    Returns:
        How many words there are.
    """
    following = np.empty(end - start, np.int32)
    size[: end - start] = 0
    for i in range(start, end):
        size[root[i] - start] += 1
    words, last, filled = 0, 0, WORD
    for i in range(start, end):
        if root[i] == i:
            more = size[i - start]
            if more > WORD:
                following[i - start] = words * WORD
                words += (more + WORD - 1) // WORD
            else:
                if filled + more > WORD:
                    last, filled = words, 0
                    words += 1
                following[i - start] = last * WORD + filled
                filled += more
    member[: words * WORD] = -1
    for i in range(start, end):
        member[following[root[i] - start]] = i
        following[root[i] - start] += 1
    return words


@kernel
def layout_space(image_start, first, end):
    """The arrays `size` and `member` for images first..end."""
    most = most_between(image_start, first, end)
    return np.empty(most, np.int32), np.empty((most // 32 + 2) * WORD, np.int32)


@kernel
def size_words(image_start, root, degree, first, end, sizes):
    """How much the words of images first..end take.

    Args:
        image_start: (I+1,) int64.
        root: (N,) int32.
        degree: (N,) int32.
        first: first image.
        end: one past the last image.
        sizes: (I+1, 4) int64, out, at each image + 1: words, rows of `covers`, giants' candidates, and their edges.
    """
    size, member = layout_space(image_start, first, end)
    for image in range(first, end):
        start, found, head = image_start[image], sizes[image + 1], 0
        found[0] = lay_out(root, start, image_start[image + 1], size, member)
        for place in range(found[0] * WORD):
            i = member[place]
            if i < 0:
                continue
            span = (size[root[i] - start] + WORD - 1) // WORD
            if i == root[i]:
                head = place // WORD
            if span > DENSE:
                found[2] += 1
                found[3] += degree[i]
            else:
                found[1] += span - (place // WORD - head if span > 1 else 0)
