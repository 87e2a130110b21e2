"""The arrays the kernels walk over that are the same for every subset.

Candidates stand in *storage order*: by image, then category, then falling score, ties in the file's order.
A *group* is one image's candidates of one category. An image's *rank* orders its candidates over all categories.
A *position* orders a category's candidates over all images, which is the order precision and recall are counted in;
positions of a category start at a multiple of 64, so that 64 of them are one word of a bit set.
A *row* is a candidate that overlaps ground truth of its category enough to match it; a *slot* is a row's number in
the order of positions.
"""

from typing import NamedTuple

import numpy as np

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_THRESHOLDS = np.linspace(0.0, 1.0, 101)
# COCO's areas, square pixels: all, small, medium, large.
AREAS = ((0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10))
MAX_DETECTIONS = 100  # per image and category
BLOCK = 16  # images carried through all children together: what is known of them stays in the processor's cache

NUM_THRESHOLDS = 10
NO_CUT = 2**31 - 1
IN_LONG, IN_OVERFLOW, IN_REMATCH = 1, 2, 4  # a group is listed already
CROWD, NO_ID = 16, 32  # flags of ground truth, above one bit per area that says "ignored in this area"


class Tables(NamedTuple):
    """What does not depend on the subset. N candidates, I images, G groups, K categories, A anchors, S rows."""

    image_start: np.ndarray  # (I+1,) int64, candidates
    image_group: np.ndarray  # (I+1,) int64, groups
    group_start: np.ndarray  # (G+1,) int64, candidates
    group_image: np.ndarray  # (G,) int32
    group_category: np.ndarray  # (G,) int32
    anchor: np.ndarray  # (N,) int16
    live_anchor: np.ndarray  # (N,) int16, the anchor, or A for a box under min_size: it never survives
    order: np.ndarray  # (N,) int32, order[image_start + rank] = candidate - image_start
    group_row: np.ndarray  # (G+1,) int64, rows; they stand in storage order
    row_start: np.ndarray  # (S+1,) int64
    row_truth: np.ndarray  # ground truth the row may match, best first
    row_pass: np.ndarray  # uint16, bit t: the overlap reaches threshold t
    row_slot: np.ndarray  # (S,) int32
    group_truth: np.ndarray  # (G, 2) int32, first and end of the group's ground truth
    truth_flags: np.ndarray  # uint8
    category_word: np.ndarray  # (K+1,) int64, words of the position bit sets
    category_slot: np.ndarray  # (K+1,) int64
    slot_position: np.ndarray  # (S,) int32
    position_image: np.ndarray  # (64*W,) int32, by position; 0 where none is
    area_bits: np.ndarray  # (4, W) uint64, by position: the box lies within the area
    weights: np.ndarray  # int32, how many recall thresholds the n-th true positive is the first to reach
    weight_start: np.ndarray  # (4, K+1) int64
    level: np.ndarray  # (A,) int16
    max_per_image: int
    agnostic: int


class Columns(NamedTuple):
    """What candidates have, in storage order; `Words` has the same in its own."""

    rank: np.ndarray  # (N,) int32, within the image
    position: np.ndarray  # (N,) int32
    match_row: np.ndarray  # (N,) int32, -1 for none
    group_of: np.ndarray  # (N,) int32


def blocks_of(starts: np.ndarray) -> np.ndarray:
    """Running totals by image, (I+1,), at the blocks' edges."""
    return np.append(starts[:-1:BLOCK], starts[-1])
