"""The candidates of a subset that COCO's evaluation counts, with their matches."""

from typing import NamedTuple

import numpy as np

from anchorprune.scoring.compiled import count_bits, first_bit, kernel

INSIDE = 1 << 20


class Evaluated(NamedTuple):
    """Evaluated candidates of a subset, by category, then falling score."""

    start: np.ndarray  # (K+1,) int64, where each category's begin
    image: np.ndarray  # (D,) int32
    # (D,) uint32, bit t: true positive at threshold t, bit 10 + t: ignored at t, bit 20: the box lies in the area
    match: np.ndarray


@kernel
def category_starts(bits, category_word):
    """(K+1,) int64: bits that are set before each category's words, and in all."""
    start, count = np.zeros(len(category_word), np.int64), 0
    for category in range(len(category_word) - 1):
        for word in range(category_word[category], category_word[category + 1]):
            count += count_bits(bits[word])
        start[category + 1] = count
    return start


@kernel
def list_categories(t, curve, area, categories, found):
    """Fill `found` with the listed categories' evaluated candidates.

    Args:
        t: the tables.
        curve: the subset's curve, with the masks of this area.
        area: 0..3.
        categories: some of 0..K-1.
        found: an `Evaluated` whose `start` is known.
    """
    bits, masks, inside = curve.bits, curve.masks, t.area_bits[area]
    position_image, image, match = t.position_image, found.image, found.match
    for category in categories:
        at = found.start[category]
        slot = next_matched(curve.matched, t.category_slot[category])
        for word in range(t.category_word[category], t.category_word[category + 1]):
            left = bits[word]
            while left:
                bit = first_bit(left)
                left &= left - np.uint64(1)
                position = (word << 6) + bit
                image[at] = position_image[position]
                match[at] = np.uint32(inside[word] >> np.uint64(bit) & np.uint64(1)) << np.uint32(20)
                if slot < len(masks) and t.slot_position[slot] == position:
                    match[at] |= masks[slot]
                    slot = next_matched(curve.matched, slot + 1)
                at += 1


@kernel
def next_matched(matched, slot):
    """The first slot from `slot` on whose mask is not 0; one beyond all if there is none."""
    word = slot >> 6
    left = matched[word] & (np.uint64(2**64 - 1) << np.uint64(slot & 63))
    while not left:
        word += 1
        if word == len(matched):
            return word << 6
        left = matched[word]
    return (word << 6) + first_bit(left)
