"""Kernels that run once over all candidates: positions and slots. None holds a copy of them."""

import numpy as np

from anchorprune.scoring.compiled import count_bits, kernel

DIGIT = 11  # bits of a score sorted at a time: three times are all 32


@kernel
def place_category(score, areas, group_start, group_image, groups, first, position, position_image, area_bits):
    """Positions of one category's candidates: by falling score, ties in storage order.

    Args:
        score: (N,) float32, not negative.
        areas: (N,) uint8, bit a: the box lies in area a.
        group_start: (G+1,) int64.
        group_image: (G,) int32.
        groups: the category's groups, ascending.
        first: its first position.
        position: (N,) int32, out.
        position_image: (64*W,) int32, out, the image by position.
        area_bits: (4, W) uint64, out, 0 before.
    """
    size = 0
    for group in groups:
        size += group_start[group + 1] - group_start[group]
    value, index = np.empty(size, np.uint32), np.empty(size, np.int32)
    at = 0
    for group in groups:
        values = score[group_start[group] : group_start[group + 1]].view(np.uint32)
        for i in range(len(values)):
            # The bits of floats from 0 on are in the floats' own order; -0 equals 0.
            value[at] = ~(values[i] & np.uint32(0x7FFFFFFF))
            index[at] = at
            at += 1
    index = sorted_index(value, index)
    place = np.empty(size, np.int32)
    for at in range(size):
        place[index[at]] = first + at
    at = 0
    for group in groups:
        for j in range(group_start[group], group_start[group + 1]):
            here = np.int64(place[at])
            position[j], position_image[here] = here, group_image[group]
            for area in range(len(area_bits)):
                area_bits[area, here >> 6] |= np.uint64(areas[j] >> area & 1) << np.uint64(here & 63)
            at += 1


@kernel
def sorted_index(value, index):
    """`index` ordered by rising `value` (uint32), ties in their order; both are overwritten."""
    other_value, other_index = np.empty_like(value), np.empty_like(index)
    for low in (0, DIGIT, 2 * DIGIT):
        start = np.zeros((1 << DIGIT) + 1, np.int64)
        for i in range(len(value)):
            start[(value[i] >> np.uint32(low) & np.uint32((1 << DIGIT) - 1)) + 1] += 1
        for digit in range(1 << DIGIT):
            start[digit + 1] += start[digit]
        for i in range(len(value)):
            digit = value[i] >> np.uint32(low) & np.uint32((1 << DIGIT) - 1)
            at = start[digit]
            other_value[at], other_index[at] = value[i], index[i]
            start[digit] = at + 1
        value, other_value = other_value, value
        index, other_index = other_index, index
    return index


@kernel
def place_rows(row_position, category_word, slot, slot_position):
    """Slots of rows, and where each category's begin.

    Args:
        row_position: (S,) int32, the rows' positions.
        category_word: (K+1,) int64.
        slot: (S,) int32, out.
        slot_position: (S,) int32, out.

    Returns:
        (K+1,) int64.
    """
    words = category_word[-1]
    marked, before = np.zeros(words, np.uint64), np.zeros(words + 1, np.int64)
    for place in row_position:
        marked[place >> 6] |= np.uint64(1) << np.uint64(place & 63)
    for word in range(words):
        before[word + 1] = before[word] + count_bits(marked[word])
    for row in range(len(row_position)):
        place = np.int64(row_position[row])
        below = marked[place >> 6] & ((np.uint64(1) << np.uint64(place & 63)) - np.uint64(1))
        slot[row] = before[place >> 6] + count_bits(below)
        slot_position[slot[row]] = place
    return before[category_word]
