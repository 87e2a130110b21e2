"""Kernels that end a change: it is kept, or taken back from its log."""

import numpy as np

from anchorprune.scoring.compiled import kernel
from anchorprune.scoring.state import ALIVE, COUNTED, FLIPPED, IMAGES, LONG, ROWS
from anchorprune.scoring.suppress import ONE


@kernel
def forget(s):
    """Make the changes since the last `forget` or `undo` final."""
    for i in range(s.count[LONG]):
        s.group_change[s.long[i]] = 0
    s.count[:] = 0


@kernel
def undo(s, shift):
    """Take the changes since the last `forget` or `undo` back; `shift` is that of the rows' bits."""
    alive, alive_word, alive_bits, row_flip = s.alive, s.alive_word, s.alive_bits, s.row_flip
    matches, counted_rows = s.matches, s.counted_rows
    counted, counted_word, counted_bits = s.counted, s.counted_word, s.counted_bits
    for i in range(s.count[ALIVE]):
        alive[alive_word[i]] ^= alive_bits[i]
    for i in range(s.count[COUNTED]):
        counted[counted_word[i]] ^= counted_bits[i]
    for i in range(s.count[FLIPPED]):
        counted_rows[(row_flip[i] + shift) >> 6] ^= ONE << np.uint64((row_flip[i] + shift) & 63)
    for i in range(s.count[ROWS]):
        matches[s.row_log[i]] ^= s.match_log[i]
    for i in range(s.count[LONG]):
        s.group_left[s.long[i]] -= s.group_change[s.long[i]]
    for i in range(s.count[IMAGES]):
        image = s.image_log[i, 0]
        s.left[image] = s.image_log[i, 1]
        s.cut[image] = s.image_log[i, 2]
    forget(s)
