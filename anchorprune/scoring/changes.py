"""Kernels that turn one subset's detections into another's: only groups that can differ are walked.

The order is: touch groups, redo their NMS, move the images' max_per_image cut, refresh what is evaluated and matched.
Everything changed is logged, so `undo` brings the state back.
"""

import numpy as np

from anchorprune.scoring.compiled import kernel
from anchorprune.scoring.matching import match_group
from anchorprune.scoring.tables import (
    ALIVE,
    COUNTED,
    FLIPS,
    GROUPS,
    IMAGES,
    LOGGED,
    MAX_DETECTIONS,
    NO_CUT,
    OVER,
    SLOTS,
)


@kernel
def touch(t, s, group, first):
    """Note that `group` may change from candidate `first` on."""
    if s.first[group] < 0:
        s.first[group] = first
        s.touched[s.count[GROUPS]] = group
        s.count[GROUPS] += 1
    elif first < s.first[group]:
        s.first[group] = first
    image = t.group_image[group]
    if s.change[image, 2] == 0:
        s.change[image, 2] = 1
        s.images[s.count[IMAGES]] = image
        s.count[IMAGES] += 1


@kernel
def touch_image(t, s, image):
    """Touch every group of an image."""
    for group in range(t.image_group[image], t.image_group[image + 1]):
        touch(t, s, group, t.group_start[group])


@kernel
def touch_anchor(t, s, kept, anchor):
    """Touch what can change when `anchor` has just been removed from, or added to, `kept`."""
    for i in range(t.anchor_start[anchor], t.anchor_start[anchor + 1]):
        j = t.anchor_list[i]
        if kept[anchor] or s.flags[j] & ALIVE:
            image = t.group_image[t.group_of[j]]
            if t.slow[image]:
                touch_image(t, s, image)
            else:
                touch(t, s, t.group_of[j], j)
        elif t.nms_pre >= 0:  # a suppressed box gives up its place among the level's best, too
            image = t.group_image[t.group_of[j]]
            if t.slow[image]:
                touch_image(t, s, image)


@kernel
def flip(s, j, bits):
    """Toggle flag bits of a candidate, logged."""
    s.flags[j] ^= bits
    at = s.count[FLIPS]
    s.flip[at] = j
    s.flip_bits[at] = bits
    s.count[FLIPS] = at + 1


@kernel
def set_alive(t, s, j, image, alive):
    """Set whether NMS leaves candidate j."""
    if alive != (s.flags[j] & ALIVE != 0):
        flip(s, j, ALIVE)
        step = 1 if alive else -1
        s.change[image, 0] += step
        if t.rank[j] <= s.cut[image]:
            s.change[image, 1] += step


@kernel
def suppress_group(t, s, kept, group):
    """Redo NMS within one image and category."""
    image = t.group_image[group]
    for j in range(s.first[group], t.group_start[group + 1]):
        alive = kept[t.live_anchor[j]] and not s.flags[j] & OVER
        if alive:
            for e in range(t.edge_start[j], t.edge_start[j + 1]):
                if s.flags[j - t.edges[e]] & ALIVE:
                    alive = False
                    break
        set_alive(t, s, j, image, alive)


@kernel
def suppress_image(t, s, kept, image):
    """Redo NMS over all categories of one image; edges are by rank here."""
    start = t.image_start[image]
    for at in range(start, t.image_start[image + 1]):
        j = start + t.order[at]
        alive = kept[t.live_anchor[j]] and not s.flags[j] & OVER
        if alive:
            for e in range(t.edge_start[at], t.edge_start[at + 1]):
                if s.flags[start + t.order[at - t.edges[e]]] & ALIVE:
                    alive = False
                    break
        set_alive(t, s, j, image, alive)


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
            flip(s, j, OVER)


@kernel
def move_cut(t, s, image):
    """Bring the image's max_per_image cut in line with its changed NMS, touching groups that cross it."""
    start, end = t.image_start[image], t.image_start[image + 1]
    at = s.count[LOGGED]
    s.image_log[at, 0], s.image_log[at, 1], s.image_log[at, 2] = image, s.alive[image], s.cut[image]
    s.count[LOGGED] = at + 1
    old, limit = s.cut[image], t.max_per_image
    inside = min(s.alive[image], limit) + s.change[image, 1]
    s.alive[image] += s.change[image, 0]
    s.change[image, 0], s.change[image, 1] = 0, 0
    if s.alive[image] <= limit:
        new = NO_CUT
    else:
        new = min(old, end - start - 1)
        while inside > limit:
            inside -= s.flags[start + t.order[start + new]] & ALIVE
            new -= 1
        while inside < limit:
            new += 1
            inside += s.flags[start + t.order[start + new]] & ALIVE
    s.cut[image] = new
    for r in range(min(old, new) + 1, min(max(old, new) + 1, end - start)):
        j = start + t.order[start + r]
        if s.flags[j] & ALIVE:
            touch(t, s, t.group_of[j], j)


@kernel
def refresh_group(t, s, group):
    """Bring a touched group's evaluated candidates and matches in line with its NMS."""
    cut = s.cut[t.group_image[group]]
    begin, end = t.group_start[group], t.group_start[group + 1]
    start = begin if end - begin > MAX_DETECTIONS else s.first[group]
    s.first[group] = -1
    seen, rematch, changed = 0, False, False
    for j in range(start, end):
        counted = s.flags[j] & ALIVE != 0 and seen < MAX_DETECTIONS and (cut == NO_CUT or t.rank[j] <= cut)
        seen += counted
        if counted != (s.flags[j] & COUNTED != 0):
            flip(s, j, COUNTED)
            toggle_bit(s.bits, t.position[j])
            changed = True
            rematch = rematch or t.match_row[j] >= 0
    if changed:
        s.dirty[t.group_category[group]] = True
    if rematch:
        s.count[SLOTS] = match_group(t, s.flags, s.taken, group, 0, s.masks, s.slot_log, s.mask_log, s.count[SLOTS])


@kernel
def toggle_bit(bits, position):
    """Toggle one bit of a set."""
    bits[position >> 6] ^= np.uint64(1) << np.uint64(position & 63)


@kernel
def settle(t, s, kept, used):
    """Carry touched groups through NMS, cut, evaluation and matching, for the anchors in `kept`."""
    images = s.count[IMAGES]
    for i in range(images):
        if t.nms_pre >= 0 and t.slow[s.images[i]]:
            limit_levels(t, s, kept, s.images[i], used)
    if t.agnostic:
        for i in range(images):
            suppress_image(t, s, kept, s.images[i])
    else:
        for i in range(s.count[GROUPS]):
            suppress_group(t, s, kept, s.touched[i])
    for i in range(images):
        move_cut(t, s, s.images[i])
    for i in range(images):
        s.change[s.images[i], 2] = 0
    for i in range(s.count[GROUPS]):
        refresh_group(t, s, s.touched[i])
    s.count[GROUPS] = 0
    s.count[IMAGES] = 0


@kernel
def forget(s):
    """Make the changes since the last `forget` or `undo` final."""
    s.dirty[:] = False
    s.count[:] = 0


@kernel
def undo(t, s):
    """Take the changes since the last `forget` or `undo` back."""
    for i in range(s.count[FLIPS]):
        s.flags[s.flip[i]] ^= s.flip_bits[i]
        if s.flip_bits[i] & COUNTED:
            toggle_bit(s.bits, t.position[s.flip[i]])
    for i in range(s.count[SLOTS]):
        s.masks[s.slot_log[i]] = s.mask_log[i]
    for i in range(s.count[LOGGED]):
        image = s.image_log[i, 0]
        s.alive[image] = s.image_log[i, 1]
        s.cut[image] = s.image_log[i, 2]
    forget(s)
