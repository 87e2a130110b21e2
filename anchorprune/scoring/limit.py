"""Kernels that keep to `nms_pre` where it binds: of each tight pool the best candidates alone enter NMS."""

import numpy as np

from anchorprune.scoring.compiled import count_bits, first_bit, kernel, last_bit
from anchorprune.scoring.pools import NOTHING
from anchorprune.scoring.state import TOUCHED
from anchorprune.scoring.suppress import ONE


@kernel
def within(bits, room):
    """The lowest `room` of a word's bits that are set."""
    if room <= 0:
        return bits ^ bits
    for _ in range(count_bits(bits) - room):
        bits ^= ONE << np.uint64(last_bit(bits))
    return bits


@kernel
def limit_pools(p, w, s, toggles, child, image, base, keep):
    """Correct what `toggle_anchor` noted of an image's candidates, so that of each pool the best `nms_pre` alone stay.

    Args:
        p: the pools.
        w: the words.
        s: the state.
        toggles: (C, D) int32, the anchors in which a child differs from the parent, NOTHING beyond the last.
        child: 0..C-1.
        image: the image.
        base: the block's first word.
        keep: the change is there to stay.
    """
    first, diff, touched, found = w.image_word[image], s.diff, s.touched, s.count[TOUCHED]
    word, place, anchor_start, bits_of_anchor, limit = p.word, p.place, p.anchor_start, p.bit, p.limit
    in_pool, flip, anchors = s.in_pool, s.flip, (len(anchor_start) - 1) // (len(word) - 1)
    for pool in range(p.image_pools[image, 0], p.image_pools[image, 1]):
        begin, flips = word[pool], 0
        for i in range(toggles.shape[1]):
            if toggles[child, i] == NOTHING:
                continue
            cell = pool * anchors + toggles[child, i]
            for e in range(anchor_start[cell], anchor_start[cell + 1]):
                flip[bits_of_anchor[e] >> 6] ^= ONE << np.uint64(bits_of_anchor[e] & 63)
                flips += 1
        if flips == 0:
            continue
        before, after = limit, limit  # how many more are let in
        for v in range(begin, word[pool + 1]):
            old, toggled = in_pool[v], flip[v - begin]
            new = old ^ toggled
            flip[v - begin] = 0
            if keep:
                in_pool[v] = new
            wrong = toggled ^ within(old, before) ^ within(new, after)
            before -= count_bits(old)
            after -= count_bits(new)
            while wrong:
                at = place[(v << 6) + first_bit(wrong)]
                wrong &= wrong - ONE
                if at == NOTHING:
                    continue
                here = first + (at >> 6)
                if diff[here - base] == 0:
                    touched[found] = here
                    found += 1
                diff[here - base] ^= ONE << np.uint64(at & 63)
    s.count[TOUCHED] = found
