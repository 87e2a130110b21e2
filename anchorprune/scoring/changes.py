"""Kernels that turn one subset's detections into another's within a block of images: only what can differ is looked at.

The order is: mark candidates, redo NMS from them on, move the images' max_per_image cut, refresh what is evaluated and
matched. Everything changed is logged, so `undo.undo` brings the state back.

Tables and state are unpacked into local names before a loop and never handed on within one: passing them costs
more than most of these loops' bodies.
"""

import numpy as np

from anchorprune.scoring.compiled import kernel
from anchorprune.scoring.matching import match_mask
from anchorprune.scoring.state import FLIPS, IMAGES, LOGGED, LONG, REMATCH, ROWS
from anchorprune.scoring.suppress import flip, limit_levels, mark_range, suppress_groups, suppress_image
from anchorprune.scoring.tables import ALIVE, COUNTED, IN_LONG, IN_REMATCH, MAX_DETECTIONS, NO_CUT, OVER

CROSSED = 0  # "flags" of a log entry: the cut has moved over the candidate


@kernel
def count_changes(t, s):
    """Sum up the logged NMS changes by image."""
    group_of, group_image, rank = t.group_of, t.group_image, t.rank
    flags, change, cuts, images, count = s.flags, s.change, s.cut, s.images, s.count
    log, log_bits = s.flip, s.flip_bits
    for i in range(count[FLIPS]):
        if not log_bits[i] & ALIVE:
            continue
        j = log[i]
        image = group_image[group_of[j]]
        if not change[image, 2]:
            change[image, 2] = 1
            images[count[IMAGES]] = image
            count[IMAGES] += 1
        step = 2 * np.int32(flags[j] & ALIVE) - 1
        change[image, 0] += step
        change[image, 1] += step * (rank[j] <= cuts[image])


@kernel
def move_cuts(t, s):
    """Bring changed images' max_per_image cuts in line with their NMS, logging what lies between old and new."""
    image_start, order, limit = t.image_start, t.order, t.max_per_image
    flags, change, count, images, log, log_bits = s.flags, s.change, s.count, s.images, s.flip, s.flip_bits
    for i in range(count[IMAGES]):
        image = images[i]
        start, end, old = image_start[image], image_start[image + 1], s.cut[image]
        s.image_log[count[LOGGED], 0] = image
        s.image_log[count[LOGGED], 1] = s.alive[image]
        s.image_log[count[LOGGED], 2] = old
        count[LOGGED] += 1
        inside = min(s.alive[image], limit) + change[image, 1]
        s.alive[image] += change[image, 0]
        change[image, 0], change[image, 1], change[image, 2] = 0, 0, 0
        new = NO_CUT
        if s.alive[image] > limit:
            new = min(old, end - start - 1)
            while inside > limit:
                inside -= flags[start + order[start + new]] & ALIVE
                new -= 1
            while inside < limit:
                new += 1
                inside += flags[start + order[start + new]] & ALIVE
        s.cut[image] = new
        for r in range(min(old, new) + 1, min(max(old, new) + 1, end - start)):
            j = start + order[start + r]
            if flags[j] & ALIVE:
                flip(j, CROSSED, flags, log, log_bits, count)


@kernel
def refresh_changed(t, s):
    """Bring the evaluation of what NMS or a cut changed in line, listing groups that must be looked at whole."""
    group_of, group_start, group_image, rank, match_row = t.group_of, t.group_start, t.group_image, t.rank, t.match_row
    flags, cuts, listed, log, log_bits, count = s.flags, s.cut, s.listed, s.flip, s.flip_bits, s.count
    long, rematch = s.long, s.rematch
    for i in range(count[FLIPS]):
        if log_bits[i] == OVER:
            continue
        j = log[i]
        group = group_of[j]
        if group_start[group + 1] - group_start[group] > MAX_DETECTIONS:
            if not listed[group] & IN_LONG:
                listed[group] |= IN_LONG
                long[count[LONG]] = group
                count[LONG] += 1
            continue
        counted = COUNTED if flags[j] & ALIVE and rank[j] <= cuts[group_image[group]] else 0
        if counted != flags[j] & COUNTED:
            flip(j, COUNTED, flags, log, log_bits, count)
            if match_row[j] >= 0 and not listed[group] & IN_REMATCH:
                listed[group] |= IN_REMATCH
                rematch[count[REMATCH]] = group
                count[REMATCH] += 1


@kernel
def refresh_long_groups(t, s):
    """Bring the evaluation of groups that may have over MAX_DETECTIONS in line with NMS and cut."""
    rank, match_row, flags, listed, count = t.rank, t.match_row, s.flags, s.listed, s.count
    log, log_bits = s.flip, s.flip_bits
    for i in range(count[LONG]):
        group = s.long[i]
        listed[group] ^= IN_LONG
        cut, seen, rematch = s.cut[t.group_image[group]], 0, False
        for j in range(t.group_start[group], t.group_start[group + 1]):
            counted = 0
            if flags[j] & ALIVE and seen < MAX_DETECTIONS and rank[j] <= cut:
                counted = COUNTED
                seen += 1
            if counted != flags[j] & COUNTED:
                flip(j, COUNTED, flags, log, log_bits, count)
                rematch = rematch or match_row[j] >= 0
        if rematch and not listed[group] & IN_REMATCH:
            listed[group] |= IN_REMATCH
            s.rematch[count[REMATCH]] = group
            count[REMATCH] += 1


@kernel
def rematch_groups(t, s):
    """Match the groups whose matchable candidates changed, best score first, logging what changes."""
    group_row, group_truth, row_candidate = t.group_row, t.group_truth, t.row_candidate
    row_start, row_truth, row_pass, truth_flags = t.row_start, t.row_truth, t.row_pass, t.truth_flags
    flags, taken, matches, row_log, match_log = s.flags, s.taken, s.matches, s.row_log, s.match_log
    logged = s.count[ROWS]
    for i in range(s.count[REMATCH]):
        group = s.rematch[i]
        s.listed[group] ^= IN_REMATCH
        for truth in range(group_truth[group, 0], group_truth[group, 1]):
            taken[truth] = 0
        for row in range(group_row[group], group_row[group + 1]):
            mask = np.uint32(0)
            if flags[row_candidate[row]] & COUNTED:
                mask = np.uint32(match_mask(row, 0, row_start, row_truth, row_pass, truth_flags, taken))
            if matches[row] != mask:
                row_log[logged] = row
                match_log[logged] = matches[row] ^ mask
                logged += 1
                matches[row] = mask
    s.count[ROWS] = logged


@kernel
def settle(t, s, kept, low, high, slow, used):
    """Carry the marked candidates of images low..high through NMS, cut, evaluation and matching.

    Args:
        t: the tables.
        s: the state.
        kept: (A+1,) uint8.
        low: first image.
        high: one past the last image.
        slow: redo the slow images whole.
        used: scratch, one int per level.
    """
    base, size = t.image_start[low], t.image_start[high] - t.image_start[low]
    if slow:
        for image in range(low, high):
            if t.slow[image]:
                if t.nms_pre >= 0:
                    limit_levels(t, s, kept, image, used)
                if t.agnostic:
                    suppress_image(t, s, kept, image)
                else:
                    mark_range(s.pending, t.image_start[image] - base, t.image_start[image + 1] - base)
    if t.agnostic:
        s.pending[:] = 0
    else:
        suppress_groups(t, s, kept, base, size)
    count_changes(t, s)
    move_cuts(t, s)
    refresh_changed(t, s)
    refresh_long_groups(t, s)
    rematch_groups(t, s)
    s.count[LONG], s.count[REMATCH], s.count[IMAGES] = 0, 0, 0
