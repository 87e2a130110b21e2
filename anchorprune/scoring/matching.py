"""Detections against ground truth: overlaps computed once, matches of one subset at all ten thresholds at once."""

import numpy as np

from anchorprune.scoring.compiled import kernel
from anchorprune.scoring.tables import BLOCK, CROWD, NO_ID, NUM_THRESHOLDS
from anchorprune.scoring.words import WORD

ALL_THRESHOLDS = (1 << NUM_THRESHOLDS) - 1


@kernel
def overlap(box, truth, crowd):
    """Intersection over union, or over the box's own area for a crowd.

    Args:
        box: (4,) float32 x1 y1 x2 y2.
        truth: (4,) float64 x y w h.
        crowd: whether the ground truth is a crowd.

    Returns:
        float64, with COCO's own order of operations, so that it rounds alike.
    """
    x, y = np.float64(box[0]), np.float64(box[1])
    w, h = np.float64(box[2]) - x, np.float64(box[3]) - y
    width = min(w + x, truth[2] + truth[0]) - max(x, truth[0])
    height = min(h + y, truth[3] + truth[1]) - max(y, truth[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (w * h if crowd else w * h + truth[2] * truth[3] - both)


@kernel
def match_rows(boxes, group_start, group_truth, truths, truth_flags, thresholds, first, end, fill, row_of, rows):
    """List the ground truth each candidate of groups first..end can match, the best overlap first.

    With `fill` false only count: `rows` is then (ground truth, pass, count) scratch whose count grows. Ties of the
    overlap go to the later ground truth, as in COCO's own matching.

    Returns:
        (rows, entries) found.
    """
    row_start, row_truth, row_pass = rows
    found, entries = 0, 0
    best = np.empty(len(truths), np.float64)
    for group in range(first, end):
        low, high = group_truth[group, 0], group_truth[group, 1]
        for j in range(group_start[group], group_start[group + 1] if high > low else group_start[group]):
            size = 0
            for g in range(low, high):
                iou = overlap(boxes[j], truths[g], truth_flags[g] & CROWD)
                if iou < thresholds[0]:
                    continue
                if fill:
                    at = size
                    while at > 0 and best[at - 1] <= iou:
                        best[at] = best[at - 1]
                        row_truth[entries + at] = row_truth[entries + at - 1]
                        row_pass[entries + at] = row_pass[entries + at - 1]
                        at -= 1
                    best[at] = iou
                    row_truth[entries + at] = g
                    row_pass[entries + at] = (1 << np.searchsorted(thresholds, iou, side="right")) - 1
                size += 1
            if size:
                if fill:
                    row_of[j] = found
                    row_start[found] = entries
                found += 1
                entries += size
    return found, entries


@kernel
def match_mask(row, area, row_start, row_truth, row_pass, truth_flags, taken):
    """Match one detection at every threshold; `taken` holds what better detections have matched.

    Returns:
        bit t: true positive at threshold t; bit 10 + t: ignored at t.
    """
    left, mask = ALL_THRESHOLDS, 0
    for ignored in range(2):  # ground truth that counts is preferred to any that is ignored
        for e in range(row_start[row], row_start[row + 1]):
            truth = row_truth[e]
            flags = np.int64(truth_flags[truth])
            if (flags >> area) & 1 != ignored:
                continue
            hit = left & np.int64(row_pass[e])
            if not flags & CROWD:
                hit &= ~np.int64(taken[truth])
                taken[truth] |= hit
            left &= ~hit
            if ignored:
                mask |= hit << NUM_THRESHOLDS
            elif not flags & NO_ID:  # COCO's code takes a match with annotation id 0 for none
                mask |= hit
    return mask


@kernel
def match_all(t, w, counted_rows, taken, area, masks, first, end):
    """Match the evaluated candidates of groups first..end anew for one area, best score first."""
    row_start, row_truth, row_pass, truth_flags = t.row_start, t.row_truth, t.row_pass, t.truth_flags
    for group in range(first, end):
        if t.group_truth[group, 1] == t.group_truth[group, 0]:
            continue
        for truth in range(t.group_truth[group, 0], t.group_truth[group, 1]):
            taken[truth] = 0
        block = t.group_image[group] // BLOCK
        shift = w.row_word[block] * WORD - t.group_row[t.image_group[block * BLOCK]]
        for row in range(t.group_row[group], t.group_row[group + 1]):
            if counted_rows[(row + shift) >> 6] >> np.uint64((row + shift) & 63) & np.uint64(1):
                mask = match_mask(row, area, row_start, row_truth, row_pass, truth_flags, taken)
                masks[t.row_slot[row]] = mask
