"""The candidates of a subset that COCO's evaluation counts, with their matches."""

from typing import NamedTuple

import numpy as np

from anchorprune.scoring.tables import Tables
from anchorprune.scoring.words import WORD, Words, bits_of


class Evaluated(NamedTuple):
    """Evaluated candidates of a subset, by position."""

    position: np.ndarray  # (D,) int32
    image: np.ndarray  # (D,) int32
    inside: np.ndarray  # (D,) uint8: the box lies in the area
    mask: np.ndarray  # (D,) uint32, bit t: true positive at threshold t, bit 10 + t: ignored at t


def evaluated(t: Tables, w: Words, counted: np.ndarray, masks: np.ndarray, area: int) -> Evaluated:
    """The evaluated candidates of a subset, by category, then falling score.

    Args:
        t: the tables.
        w: the words.
        counted: (W,) of the subset's state.
        masks: (S,) uint32, its matches in this area, by slot.
        area: 0..3.
    """
    place = np.flatnonzero(bits_of(counted))
    index = w.word_start[place // WORD] + place % WORD
    index = index[np.argsort(w.position[index])]
    position, row = w.position[index], w.row[index]
    mask = np.zeros(len(index), np.uint32)
    mask[row >= 0] = masks[t.row_slot[row[row >= 0]]]
    inside = bits_of(t.area_bits[area])[position]
    return Evaluated(position, t.group_image[w.group[index]], inside, mask)
