"""Kernels that turn one subset's detections into another's: only groups that can differ are walked.

The order is: touch groups, redo their NMS, move the images' max_per_image cut, refresh what is evaluated and matched.
Everything changed is logged, so `undo` brings the state back.

Tables and state are unpacked into local names before a loop and never handed on within one: passing them costs
more than most of these loops' bodies.
"""

import numpy as np

from anchorprune.scoring.compiled import kernel
from anchorprune.scoring.matching import match_mask
from anchorprune.scoring.state import FLIPS, GROUPS, IMAGES, LOGGED, REMATCH, ROWS
from anchorprune.scoring.tables import (
    ALIVE,
    COUNTED,
    MAX_DETECTIONS,
    NO_CUT,
    OVER,
)

BOTH = ALIVE | COUNTED


@kernel
def touch(group, candidate, image, first, last, touched, change, images, count):
    """Note that `candidate` of `group` of `image` may change."""
    if first[group] < 0:
        first[group] = candidate
        last[group] = candidate
        touched[count[GROUPS]] = group
        count[GROUPS] += 1
        if change[image, 2] == 0:
            change[image, 2] = 1
            images[count[IMAGES]] = image
            count[IMAGES] += 1
    else:
        first[group] = min(first[group], candidate)
        last[group] = max(last[group], candidate)


@kernel
def touch_image(t, s, image):
    """Touch every group of an image."""
    for group in range(t.image_group[image], t.image_group[image + 1]):
        touch(group, t.group_start[group], image, s.first, s.last, s.touched, s.change, s.images, s.count)
        s.last[group] = t.group_start[group + 1] - 1


@kernel
def touch_anchor(t, s, kept, anchor, block, low, high):
    """Touch what can change in a block, images low..high, when `anchor` was just removed from, or added to, `kept`."""
    added, slow_levels = kept[anchor] != 0, t.nms_pre >= 0
    anchor_list, flags, group_of, group_image = t.anchor_list, s.flags, t.group_of, t.group_image
    first, last, touched, change, images, count = s.first, s.last, s.touched, s.change, s.images, s.count
    begin, end = t.block_anchor[block, anchor], t.block_anchor[block + 1, anchor]
    for i in range(begin, end):
        j = anchor_list[i]
        if added or flags[j] & ALIVE:
            group = group_of[j]
            touch(group, j, group_image[group], first, last, touched, change, images, count)
    if begin == end or not (t.agnostic or slow_levels):
        return
    # Where groups depend on one another, even a box that NMS takes away may have held a better one's place.
    for image in range(low, high):
        if t.slow[image]:
            touch_image(t, s, image)


@kernel
def flip(j, bits, flags, log, log_bits, count):
    """Toggle flag bits of a candidate, logged."""
    flags[j] ^= bits
    at = count[FLIPS]
    log[at] = j
    log_bits[at] = bits
    count[FLIPS] = at + 1


@kernel
def suppress_groups(t, s, kept):
    """Redo NMS within the touched groups."""
    edge_start, edges, live_anchor, rank, reach = t.edge_start, t.edges, t.live_anchor, t.rank, t.reach
    flags, change, first, cuts, count, hint = s.flags, s.change, s.first, s.cut, s.count, s.hint
    touched, last, end, log, log_bits, group_image = (
        s.touched,
        s.last,
        count[GROUPS],
        s.flip,
        s.flip_bits,
        t.group_image,
    )
    for i in range(end):
        group = touched[i]
        image = group_image[group]
        cut, total, within, gained = cuts[image], 0, 0, False
        j, horizon = first[group] - 1, last[group]
        while j < horizon:  # beyond it stands nothing that a change so far could suppress or set free
            j += 1
            alive = 0
            if flags[j] & ALIVE:
                if kept[live_anchor[j]] and not gained and not flags[j] & OVER:
                    continue  # nothing better came: it stays
            elif flags[j - hint[j]] & ALIVE:
                continue  # what suppressed it before is still there
            if kept[live_anchor[j]] and not flags[j] & OVER:
                alive = ALIVE
                for e in range(edge_start[j], edge_start[j + 1]):
                    if flags[j - edges[e]] & ALIVE:
                        alive = 0
                        hint[j] = edges[e]
                        break
            if alive != flags[j] & ALIVE:
                flip(j, ALIVE, flags, log, log_bits, count)
                horizon = max(horizon, j + np.int64(reach[j]))
                total += 2 * alive - 1
                gained = gained or alive != 0
                if cut == NO_CUT or rank[j] <= cut:
                    within += 2 * alive - 1
        last[group] = horizon
        change[image, 0] += total
        change[image, 1] += within


@kernel
def suppress_images(t, s, kept):
    """Redo NMS over all categories of the touched images; edges are by rank here."""
    for i in range(s.count[IMAGES]):
        image = s.images[i]
        start = t.image_start[image]
        for at in range(start, t.image_start[image + 1]):
            j = start + t.order[at]
            alive = 0
            if kept[t.live_anchor[j]] and not s.flags[j] & OVER:
                alive = ALIVE
                for e in range(t.edge_start[at], t.edge_start[at + 1]):
                    if s.flags[start + t.order[at - t.edges[e]]] & ALIVE:
                        alive = 0
                        break
            if alive != s.flags[j] & ALIVE:
                flip(j, ALIVE, s.flags, s.flip, s.flip_bits, s.count)
                s.change[image, 0] += 2 * alive - 1
                if t.rank[j] <= s.cut[image]:
                    s.change[image, 1] += 2 * alive - 1


@kernel
def limit_levels(t, s, kept, image, used):
    """Mark the kept anchors' candidates beyond each level's best `nms_pre`; `used` is scratch, one int per level."""
    used[:] = 0
    start = t.image_start[image]
    for at in range(start, t.image_start[image + 1]):
        j = start + t.order[at]
        over = False
        if kept[t.anchor[j]]:
            level = t.level[t.anchor[j]]
            over = used[level] >= t.nms_pre
            used[level] += 1
        if over != (s.flags[j] & OVER != 0):
            flip(j, OVER, s.flags, s.flip, s.flip_bits, s.count)


@kernel
def move_cuts(t, s):
    """Bring touched images' max_per_image cuts in line with their changed NMS, touching groups that cross them."""
    image_start, order, group_of, limit = t.image_start, t.order, t.group_of, t.max_per_image
    flags, change, count, images, first, last = s.flags, s.change, s.count, s.images, s.first, s.last
    touched = s.touched
    for i in range(count[IMAGES]):
        image = images[i]
        start, end, old = image_start[image], image_start[image + 1], s.cut[image]
        s.image_log[count[LOGGED], 0] = image
        s.image_log[count[LOGGED], 1] = s.alive[image]
        s.image_log[count[LOGGED], 2] = old
        count[LOGGED] += 1
        inside = min(s.alive[image], limit) + change[image, 1]
        s.alive[image] += change[image, 0]
        change[image, 0], change[image, 1] = 0, 0
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
                touch(group_of[j], j, image, first, last, touched, change, images, count)
    for i in range(count[IMAGES]):
        change[images[i], 2] = 0


@kernel
def refresh_groups(t, s):
    """Bring the touched groups' evaluated candidates and matches in line with their NMS."""
    group_start, rank, match_row = t.group_start, t.rank, t.match_row
    flags, first, count = s.flags, s.first, s.count
    touched, last, all_groups, log, log_bits = s.touched, s.last, count[GROUPS], s.flip, s.flip_bits
    group_image, cuts = t.group_image, s.cut
    for i in range(all_groups):
        group = touched[i]
        cut = cuts[group_image[group]]
        start, end = group_start[group], group_start[group + 1]
        short = end - start <= MAX_DETECTIONS
        if short:
            start, end = first[group], last[group] + 1
        first[group] = -1
        seen, rematch = 0, False
        for j in range(start, end):
            if short and cut == NO_CUT and flags[j] & BOTH in (0, BOTH):
                continue
            counted = 0
            if flags[j] & ALIVE and seen < MAX_DETECTIONS and (cut == NO_CUT or rank[j] <= cut):
                counted = COUNTED
                seen += 1
            if counted != flags[j] & COUNTED:
                flip(j, COUNTED, flags, log, log_bits, count)
                rematch = rematch or match_row[j] >= 0
        if rematch:
            touched[count[REMATCH]] = group  # the list's front is read already
            count[REMATCH] += 1


@kernel
def rematch_groups(t, s):
    """Match the groups whose matchable candidates changed, best score first, logging what changes."""
    group_row, group_truth, row_candidate = t.group_row, t.group_truth, t.row_candidate
    row_start, row_truth, row_pass, truth_flags = t.row_start, t.row_truth, t.row_pass, t.truth_flags
    flags, taken, matches, row_log, match_log = s.flags, s.taken, s.matches, s.row_log, s.match_log
    logged = s.count[ROWS]
    for i in range(s.count[REMATCH]):
        group = s.touched[i]
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
def settle(t, s, kept, used):
    """Carry touched groups through NMS, cut, evaluation and matching, for the anchors in `kept`."""
    if t.nms_pre >= 0:
        for i in range(s.count[IMAGES]):
            if t.slow[s.images[i]]:
                limit_levels(t, s, kept, s.images[i], used)
    if t.agnostic:
        suppress_images(t, s, kept)
    else:
        suppress_groups(t, s, kept)
    move_cuts(t, s)
    s.count[REMATCH] = 0
    refresh_groups(t, s)
    rematch_groups(t, s)
    s.count[GROUPS] = 0
    s.count[IMAGES] = 0


@kernel
def forget(s):
    """Make the changes since the last `forget` or `undo` final."""
    s.count[:] = 0


@kernel
def undo(s):
    """Take the changes since the last `forget` or `undo` back."""
    flags, matches, log, log_bits = s.flags, s.matches, s.flip, s.flip_bits
    for i in range(s.count[FLIPS]):
        flags[log[i]] ^= log_bits[i]
    for i in range(s.count[ROWS]):
        matches[s.row_log[i]] ^= s.match_log[i]
    for i in range(s.count[LOGGED]):
        image = s.image_log[i, 0]
        s.alive[image] = s.image_log[i, 1]
        s.cut[image] = s.image_log[i, 2]
    forget(s)
