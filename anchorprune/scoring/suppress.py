"""Kernels that redo NMS where it can differ: in the components in which a kept candidate comes, or a left one goes.

Tables and state are unpacked into local names before a loop and never handed on within one: passing them costs
more than most of these loops' bodies.
"""

import numpy as np

from anchorprune.scoring.compiled import fetch, first_bit, kernel, last_bit
from anchorprune.scoring.state import ALIVE, TOUCHED, WIDE
from anchorprune.scoring.words import WORD

ONE, ALL = np.uint64(1), np.uint64(2**64 - 1)


@kernel
def toggle_anchor(w, s, at, base):
    """Note that the anchor whose words in a block begin at entry_start[at] comes or goes; `base` is the first word."""
    entry_word, entry_mask, diff, touched, found = w.entry_word, w.entry_mask, s.diff, s.touched, s.count[TOUCHED]
    for e in range(w.entry_start[at], w.entry_start[at + 1]):
        word = entry_word[e]
        if diff[word - base] == 0:
            touched[found] = word
            found += 1
        diff[word - base] |= entry_mask[e]
    s.count[TOUCHED] = found


@kernel
def suppress_narrow(w, s, base, keep):
    """Redo NMS in the touched words of narrow components, and list the touched wide ones.

    Args:
        w: the words.
        s: the state.
        base: the block's first word.
        keep: the change is there to stay.
    """
    bounds, span, head, rows_at, covers = w.bounds, w.span, w.head, w.rows_at, w.covers
    diff, kept, alive, touched, wide = s.diff, s.kept, s.alive, s.touched, s.wide
    alive_word, alive_bits, changed, found = s.alive_word, s.alive_bits, s.count[ALIVE], s.count[WIDE]
    last = s.count[TOUCHED] - 1
    for i in range(s.count[TOUCHED]):
        word = touched[i]
        if span[word] + head[word] > 1:
            wide[found] = word - head[word]
            found += 1
            continue
        now, old = kept[word] ^ diff[word - base], alive[word]
        cause = diff[word - base] & (now | old)
        diff[word - base] = 0
        if keep:
            kept[word] = now
        if cause == 0:
            continue
        redo = np.uint64(0)
        if old == 0:
            redo, cause = ALL, redo
            following = rows_at[touched[min(i + 1, last)]]
            for line in range(following, following + WORD, 8):
                fetch(covers, line)
        while cause:  # the components in which something comes or goes
            below = ALL >> np.uint64(63 - first_bit(cause))
            beyond = bounds[word] & ~below
            here = (beyond & (~beyond + ONE)) - ONE if beyond else ALL
            here &= ALL << np.uint64(last_bit(bounds[word] & below))
            redo |= here
            cause &= ~here
        row, left, new = rows_at[word], now & redo, np.uint64(0)
        while left:
            bit = first_bit(left)
            new |= ONE << np.uint64(bit)
            left &= ~covers[row + bit]
        change = (old ^ new) & redo
        if change:
            alive[word] = old ^ change
            alive_word[changed] = word
            alive_bits[changed] = change
            changed += 1
    s.count[ALIVE], s.count[WIDE], s.count[TOUCHED] = changed, found, 0


@kernel
def suppress_wide(w, s, base, keep):
    """Redo NMS in the listed wide components."""
    span, rows_at, covers, giant_start, giants = w.span, w.rows_at, w.covers, w.giant_start, w.giants
    diff, kept, alive, gone, wide = s.diff, s.kept, s.alive, s.gone, s.wide
    alive_word, alive_bits, changed = s.alive_word, s.alive_bits, s.count[ALIVE]
    for i in range(s.count[WIDE]):
        first, words, cause = wide[i], span[wide[i]], np.uint64(0)
        for word in range(first, first + words):
            cause |= diff[word - base] & ((kept[word] ^ diff[word - base]) | alive[word])
        gone[:words] = 0
        for v in range(words):
            word = first + v
            now, old, row = kept[word] ^ diff[word - base], alive[word], rows_at[word]
            diff[word - base] = 0
            if keep:
                kept[word] = now
            if cause == 0:
                continue
            left, new = now & ~gone[v], np.uint64(0)
            while left:
                bit = first_bit(left)
                new |= ONE << np.uint64(bit)
                if row < 0:
                    for e in range(giant_start[bit - 1 - row], giant_start[bit - row]):
                        gone[giants[e] // WORD] |= ONE << np.uint64(giants[e] % WORD)
                    left &= ~gone[v] & (ALL << np.uint64(bit)) & ~(ONE << np.uint64(bit))
                else:
                    at = row + bit * (words - v)
                    left &= ~covers[at]
                    for x in range(1, words - v):
                        gone[v + x] |= covers[at + x]
            if new != old:
                alive[word] = new
                alive_word[changed] = word
                alive_bits[changed] = new ^ old
                changed += 1
    s.count[ALIVE], s.count[WIDE] = changed, 0
