"""Kernels that turn one subset's detections into another's within a block of images: only what can differ is looked at.

The order is: redo NMS where anchors come or go, move the images' max_per_image cut, refresh what is evaluated and
matched. Everything changed is logged, so `undo.undo` brings the state back.
"""

import numpy as np

from anchorprune.scoring.compiled import count_bits, first_bit, kernel
from anchorprune.scoring.rematch import flip_rows, rematch_groups
from anchorprune.scoring.state import ALIVE, COUNTED, IMAGES, LONG, LOOKED, OVERFLOW, REMATCH
from anchorprune.scoring.suppress import ONE, suppress_narrow, suppress_wide
from anchorprune.scoring.tables import IN_LONG, IN_OVERFLOW, MAX_DETECTIONS, NO_CUT


@kernel
def count_changes(w, s, base):
    """Sum up the logged NMS changes by image and long group, and list them to be looked at."""
    word_image, word_start, in_long, group, rank = w.word_image, w.word_start, w.in_long, w.group, w.rank
    alive, look, looked, change, cuts, images = s.alive, s.look, s.looked, s.change, s.cut, s.images
    alive_word, alive_bits, long, group_change, listed = s.alive_word, s.alive_bits, s.long, s.group_change, s.listed
    found, longs = s.count[IMAGES], s.count[LONG]
    for i in range(s.count[ALIVE]):
        word, bits = alive_word[i], alive_bits[i]
        new, image = alive[word], word_image[word]
        look[word - base] = bits
        looked[i] = word
        if not change[image, 2]:
            change[image, 2] = 1
            images[found] = image
            found += 1
        more = 2 * count_bits(bits & new) - count_bits(bits)
        change[image, 0] += more
        if cuts[image] == NO_CUT:
            change[image, 1] += more
        else:
            left = bits
            while left:
                bit = first_bit(left)
                left &= left - ONE
                if rank[word_start[word] + bit] <= cuts[image]:
                    change[image, 1] += 2 * np.int64(new >> np.uint64(bit) & ONE) - 1
        left = bits & in_long[word]
        while left:
            bit = first_bit(left)
            left &= left - ONE
            mine = group[word_start[word] + bit]
            if not listed[mine] & IN_LONG:
                listed[mine] |= IN_LONG
                long[longs] = mine
                longs += 1
            group_change[mine] += 2 * np.int64(new >> np.uint64(bit) & ONE) - 1
    for i in range(longs):
        s.group_left[long[i]] += group_change[long[i]]
    s.count[LOOKED], s.count[IMAGES], s.count[LONG] = s.count[ALIVE], found, longs


@kernel
def move_cuts(t, w, s, base):
    """Bring changed images' max_per_image cuts in line with their NMS, and list what lies between old and new."""
    place, look, looked, alive = w.place, s.look, s.looked, s.alive
    change, images, limit = s.change, s.images, t.max_per_image
    for i in range(s.count[IMAGES]):
        image = images[i]
        start, size, old, first = t.image_start[image], t.image_start[image + 1], s.cut[image], w.image_word[image]
        size -= start
        s.image_log[i, 0], s.image_log[i, 1], s.image_log[i, 2] = image, s.left[image], old
        inside = min(s.left[image], limit) + change[image, 1]
        s.left[image] += change[image, 0]
        change[image, 0], change[image, 1], change[image, 2] = 0, 0, 0
        new = NO_CUT
        if s.left[image] > limit:
            new = min(old, size - 1)
            while inside > limit:
                at = place[start + new]
                inside -= np.int64(alive[first + (at >> 6)] >> np.uint64(at & 63) & ONE)
                new -= 1
            while inside < limit:
                new += 1
                at = place[start + new]
                inside += np.int64(alive[first + (at >> 6)] >> np.uint64(at & 63) & ONE)
        s.cut[image] = new
        for r in range(min(old, new) + 1, min(max(old, new) + 1, size)):
            at = place[start + r]
            word, bit = first + (at >> 6), ONE << np.uint64(at & 63)
            if alive[word] & bit:
                if look[word - base] == 0:
                    looked[s.count[LOOKED]] = word
                    s.count[LOOKED] += 1
                look[word - base] |= bit


@kernel
def refresh_counted(w, s, base):
    """Bring the evaluation of what NMS or a cut changed in line, listing groups that must be looked at whole."""
    word_image, word_start, in_long, group, rank = w.word_image, w.word_start, w.in_long, w.group, w.rank
    alive, counted, look, looked, cuts = s.alive, s.counted, s.look, s.looked, s.cut
    group_left, group_change, listed, overflow = s.group_left, s.group_change, s.listed, s.overflow
    counted_word, counted_bits, changed = s.counted_word, s.counted_bits, s.count[COUNTED]
    for i in range(s.count[LOOKED]):
        word = looked[i]
        start, bits, cut = word_start[word], look[word - base], cuts[word_image[word]]
        look[word - base] = 0
        left = bits & in_long[word]
        while left:
            bit = first_bit(left)
            left &= left - ONE
            mine = group[start + bit]
            if max(group_left[mine], group_left[mine] - group_change[mine]) > MAX_DETECTIONS:
                bits ^= ONE << np.uint64(bit)
                if not listed[mine] & IN_OVERFLOW:
                    listed[mine] |= IN_OVERFLOW
                    overflow[s.count[OVERFLOW]] = mine
                    s.count[OVERFLOW] += 1
        wanted = bits & alive[word]
        if cut != NO_CUT:
            left = wanted
            while left:
                bit = first_bit(left)
                left &= left - ONE
                if rank[start + bit] > cut:
                    wanted ^= ONE << np.uint64(bit)
        flips = (wanted ^ counted[word]) & bits
        if flips:
            counted[word] ^= flips
            counted_word[changed] = word
            counted_bits[changed] = flips
            changed += 1
    s.count[COUNTED] = changed


@kernel
def refresh_overflowing(t, w, s):
    """Bring the evaluation of groups that MAX_DETECTIONS cuts, or did, in line with NMS and cut."""
    place, word_start, in_long, group_of, alive, counted = w.place, w.word_start, w.in_long, w.group, s.alive, s.counted
    for i in range(s.count[OVERFLOW]):
        group = s.overflow[i]
        s.listed[group] ^= IN_OVERFLOW
        image, seen = t.group_image[group], 0
        start, first, cut = t.image_start[image], w.image_word[image], s.cut[image]
        for r in range(t.image_start[image + 1] - start):
            at = place[start + r]
            word, bit = first + (at >> 6), ONE << np.uint64(at & 63)
            if not (alive[word] | counted[word]) & in_long[word] & bit:
                continue
            if group_of[word_start[word] + (at & 63)] != group:
                continue
            wanted = alive[word] & bit != 0 and seen < MAX_DETECTIONS and r <= cut
            seen += wanted
            if wanted != (counted[word] & bit != 0):
                counted[word] ^= bit
                s.counted_word[s.count[COUNTED]] = word
                s.counted_bits[s.count[COUNTED]] = bit
                s.count[COUNTED] += 1


@kernel
def settle(t, w, s, base, shift, keep):
    """Carry the noted comings and goings in a block of images through NMS, cut, evaluation and matching.

    Args:
        t: the tables.
        w: the words.
        s: the state.
        base: the block's first word.
        shift: what added to a row's number is its bit in `counted_rows`.
        keep: the change is there to stay.
    """
    suppress_narrow(w, s, base, keep)
    suppress_wide(w, s, base, keep)
    count_changes(w, s, base)
    move_cuts(t, w, s, base)
    refresh_counted(w, s, base)
    refresh_overflowing(t, w, s)
    flip_rows(w, s, shift)
    rematch_groups(t, s, shift)
    s.count[LOOKED], s.count[OVERFLOW], s.count[REMATCH] = 0, 0, 0
    for i in range(s.count[LONG]):
        s.listed[s.long[i]] ^= IN_LONG
