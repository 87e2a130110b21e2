"""The candidates of a subset that COCO's evaluation counts, with their matches."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from anchorprune.scoring.compiled import count_bits, first_bit, kernel
from anchorprune.scoring.tables import Tables
from anchorprune.scoring.threads import Threads
from anchorprune.scoring.words import Words


class Evaluated(NamedTuple):
    """Evaluated candidates of a subset, by position."""

    position: np.ndarray  # (D,) int32
    image: np.ndarray  # (D,) int32
    inside: np.ndarray  # (D,) uint8: the box lies in the area
    mask: np.ndarray  # (D,) uint32, bit t: true positive at threshold t, bit 10 + t: ignored at t


def evaluated(t: Tables, w: Words, counted: np.ndarray, masks: np.ndarray, area: int, threads: Threads) -> Evaluated:
    """The evaluated candidates of a subset, by category, then falling score.

    Nothing is sorted: how many bits are set before a position is its candidate's place in the result.

    Args:
        t: the tables.
        w: the words.
        counted: (W,) uint64 of the subset's state.
        masks: (S,) uint32, its matches in this area, by slot.
        area: 0..3.
        threads: that share the words.
    """
    inside = t.area_bits[area]
    taken = np.zeros(len(inside), np.uint64)
    mark_counted(counted, w.word_start, w.position, taken)
    before = running_count(taken)
    found = _empty(before[-1])
    given = counted, w.word_start, w.word_image, w.position, w.row, t.row_slot, masks, inside, taken, before, found
    threads.map(lambda block: put(*block, *given), threads.blocks(np.arange(len(counted) + 1)))
    return found


def together(parts: Sequence[Evaluated], positions: int) -> Evaluated:
    """Candidates of several parts, no two of which have the same position, in the order of positions.

    Args:
        parts: each in that order.
        positions: that there are, a multiple of 64.
    """
    taken = np.zeros(positions // 64, np.uint64)
    for part in parts:
        mark(part.position, taken)
    before = running_count(taken)
    found = _empty(before[-1])
    for part in parts:
        at = places(part.position, taken, before)
        for whole, own in zip(found, part, strict=True):
            whole[at] = own
    return found


def _empty(count: int) -> Evaluated:
    return Evaluated(*(np.empty(count, kind) for kind in (np.int32, np.int32, np.uint8, np.uint32)))


@kernel
def mark(position, taken):
    """Set the bits of some positions."""
    for p in position:
        taken[p >> 6] |= np.uint64(1) << np.uint64(p & 63)


@kernel
def mark_counted(counted, word_start, position, taken):
    """Set the bits of the counted candidates' positions."""
    for word in range(len(counted)):
        left = counted[word]
        while left:
            p = position[word_start[word] + first_bit(left)]
            taken[p >> 6] |= np.uint64(1) << np.uint64(p & 63)
            left &= left - np.uint64(1)


@kernel
def running_count(taken):
    """(n + 1,) int64: bits that are set before each of n words, and in all."""
    before = np.zeros(len(taken) + 1, np.int64)
    for word in range(len(taken)):
        before[word + 1] = before[word] + count_bits(taken[word])
    return before


@kernel
def place(p, taken, before):
    """Bits that are set before position `p`."""
    below = (np.uint64(1) << np.uint64(p & 63)) - np.uint64(1)
    return before[p >> 6] + count_bits(taken[p >> 6] & below)


@kernel
def places(position, taken, before):
    """(D,) int64: the `place` of each position."""
    found = np.empty(len(position), np.int64)
    for d in range(len(position)):
        found[d] = place(position[d], taken, before)
    return found


@kernel
def put(first, end, counted, word_start, word_image, position, row, row_slot, masks, inside, taken, before, found):
    """Write the counted candidates of the words first..end to their places in the result, `found`."""
    for word in range(first, end):
        left = counted[word]
        while left:
            n = word_start[word] + first_bit(left)
            left &= left - np.uint64(1)
            p = position[n]
            at = place(p, taken, before)
            found.position[at], found.image[at] = p, word_image[word]
            found.inside[at] = (inside[p >> 6] >> np.uint64(p & 63)) & np.uint64(1)
            found.mask[at] = masks[row_slot[row[n]]] if row[n] >= 0 else 0
