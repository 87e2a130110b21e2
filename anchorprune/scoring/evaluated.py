"""The candidates of a subset that COCO's evaluation counts, with their matches."""

from typing import NamedTuple

import numpy as np

from anchorprune.scoring.tables import COUNTED, Tables


class Evaluated(NamedTuple):
    """Evaluated candidates of a subset, by position."""

    position: np.ndarray  # (D,) int32
    image: np.ndarray  # (D,) int32
    inside: np.ndarray  # (D,) uint8: the box lies in the area
    mask: np.ndarray  # (D,) uint32, bit t: true positive at threshold t, bit 10 + t: ignored at t


def evaluated(t: Tables, flags: np.ndarray, masks: np.ndarray, area: int) -> Evaluated:
    """The evaluated candidates of a subset, by category, then falling score.

    Args:
        t: the tables.
        flags: (N,) of the subset's state.
        masks: (S,) uint32, its matches in this area, by slot.
        area: 0..3.
    """
    index = np.flatnonzero(flags & COUNTED)
    index = index[np.argsort(t.position[index])]
    position, row = t.position[index], t.match_row[index]
    mask = np.zeros(len(index), np.uint32)
    mask[row >= 0] = masks[t.row_slot[row[row >= 0]]]
    word = t.area_bits[area][position >> 6]
    inside = (word >> (position & 63).astype(np.uint64) & np.uint64(1)).astype(np.uint8)
    return Evaluated(position, t.group_image[t.group_of[index]], inside, mask)
