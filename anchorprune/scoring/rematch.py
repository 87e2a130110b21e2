"""Kernels that match anew where what is evaluated changed."""

import numpy as np

from anchorprune.scoring.compiled import first_bit, kernel
from anchorprune.scoring.matching import match_mask
from anchorprune.scoring.state import COUNTED, FLIPPED, REMATCH, ROWS
from anchorprune.scoring.suppress import ONE
from anchorprune.scoring.tables import IN_REMATCH


@kernel
def flip_rows(w, s, shift):
    """Bring the set of evaluated rows in line, and list the groups to match again."""
    counted_word, counted_bits, word_start, has_row = s.counted_word, s.counted_bits, w.word_start, w.has_row
    rows, group_of, counted_rows, listed, rematch = w.row, w.group, s.counted_rows, s.listed, s.rematch
    matches, row_flip, row_log, match_log = s.matches, s.row_flip, s.row_log, s.match_log
    flipped, logged, found = s.count[FLIPPED], s.count[ROWS], s.count[REMATCH]
    for i in range(s.count[COUNTED]):
        word = counted_word[i]
        left = counted_bits[i] & has_row[word]
        while left:
            at = word_start[word] + first_bit(left)
            left &= left - ONE
            row, group = rows[at], group_of[at]
            counted_rows[(row + shift) >> 6] ^= ONE << np.uint64((row + shift) & 63)
            row_flip[flipped] = row
            flipped += 1
            if matches[row]:  # evaluated until now
                row_log[logged] = row
                match_log[logged] = matches[row]
                matches[row] = 0
                logged += 1
            if not listed[group] & IN_REMATCH:
                listed[group] |= IN_REMATCH
                rematch[found] = group
                found += 1
    s.count[FLIPPED], s.count[ROWS], s.count[REMATCH] = flipped, logged, found


@kernel
def rematch_groups(t, s, shift):
    """Match the groups whose evaluated rows changed, best score first, logging what changes."""
    group_row, group_truth = t.group_row, t.group_truth
    row_start, row_truth, row_pass, truth_flags = t.row_start, t.row_truth, t.row_pass, t.truth_flags
    counted_rows, taken, matches, row_log, match_log = s.counted_rows, s.taken, s.matches, s.row_log, s.match_log
    logged = s.count[ROWS]
    for i in range(s.count[REMATCH]):
        group = s.rematch[i]
        s.listed[group] ^= IN_REMATCH
        for truth in range(group_truth[group, 0], group_truth[group, 1]):
            taken[truth] = 0
        first, end = group_row[group] + shift, group_row[group + 1] + shift
        for word in range(first >> 6, (end + 63) >> 6):
            left = counted_rows[word]
            while left:
                row = (word << 6) + first_bit(left)
                left &= left - ONE
                if row < first or row >= end:
                    continue
                row -= shift
                mask = np.uint32(match_mask(row, 0, row_start, row_truth, row_pass, truth_flags, taken))
                if matches[row] != mask:
                    row_log[logged] = row
                    match_log[logged] = matches[row] ^ mask
                    logged += 1
                    matches[row] = mask
    s.count[ROWS] = logged
