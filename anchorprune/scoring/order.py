"""Kernels that run once: sort orders, and which boxes overlap."""

import numpy as np

from anchorprune.scoring.compiled import kernel


@kernel
def sort_images(image_start, category, score, num_categories, first, end, chosen, rank, order):
    """Storage order and ranks of images first..end.

    Args:
        image_start: (I+1,) int64.
        category: (N,) int32 category index, in the file's order.
        score: (N,) float32, in the file's order.
        num_categories: K.
        first: first image.
        end: one past the last image.
        chosen: (N,) int64, out: which of the file's rows stands at each place of the storage order.
        rank: (N,) int32, out, in storage order: the place among the image's candidates by falling score.
        order: (N,) int32, out: for each rank, the place in storage order, from the image's start.
    """
    place = np.empty(num_categories, np.int64)
    for image in range(first, end):
        start, stop = image_start[image], image_start[image + 1]
        by_score = np.argsort(-score[start:stop], kind="mergesort")
        place[:] = 0
        for i in range(start, stop):
            place[category[i]] += 1
        total = 0
        for k in range(num_categories):
            total, place[k] = total + place[k], total
        for r in range(stop - start):
            row = start + by_score[r]
            at = place[category[row]]
            place[category[row]] = at + 1
            chosen[start + at] = row
            rank[start + at] = r
            order[start + r] = at


@kernel
def overlaps_more(boxes, i, j, limit):
    """Whether two boxes overlap by more than `limit`, in float32 with mmcv's order of operations."""
    width = min(boxes[i, 2], boxes[j, 2]) - max(boxes[i, 0], boxes[j, 0])
    height = min(boxes[i, 3], boxes[j, 3]) - max(boxes[i, 1], boxes[j, 1])
    if width <= 0 or height <= 0:
        return np.float32(0) > limit
    both = width * height
    first = (boxes[i, 2] - boxes[i, 0]) * (boxes[i, 3] - boxes[i, 1])
    second = (boxes[j, 2] - boxes[j, 0]) * (boxes[j, 3] - boxes[j, 1])
    return both / (first + second - both) > limit
