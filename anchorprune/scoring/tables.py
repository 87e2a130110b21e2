"""The arrays the kernels walk over: `Tables` (the same for every subset) and `State` (of one subset).

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

NUM_THRESHOLDS = 10
NO_CUT = 2**31 - 1
ALIVE, COUNTED, OVER = 1, 2, 4  # flags of a candidate: left by NMS; evaluated; beyond nms_pre
CROWD, NO_ID = 16, 32  # flags of ground truth, above one bit per area that says "ignored in this area"


class Tables(NamedTuple):
    """What does not depend on the subset. N candidates, I images, G groups, K categories, A anchors, S rows."""

    image_start: np.ndarray  # (I+1,) int64, candidates
    image_group: np.ndarray  # (I+1,) int64, groups
    group_start: np.ndarray  # (G+1,) int64, candidates
    group_image: np.ndarray  # (G,) int32
    group_category: np.ndarray  # (G,) int32
    group_of: np.ndarray  # (N,) int32
    anchor: np.ndarray  # (N,) int16
    live_anchor: np.ndarray  # (N,) int16, the anchor, or A for a box under min_size: it never survives
    rank: np.ndarray  # (N,) int32, within the image
    order: np.ndarray  # (N,) int32, order[image_start + rank] = candidate - image_start
    edge_start: np.ndarray  # (N+1,) int64
    edges: np.ndarray  # (E,) uint16, how far before a candidate its possible suppressors stand, best first
    reach: np.ndarray  # (N,) uint16, how far behind a candidate the last one it could suppress stands
    position: np.ndarray  # (N,) int32
    match_row: np.ndarray  # (N,) int32, -1 for none
    row_start: np.ndarray  # (S+1,) int64
    row_truth: np.ndarray  # ground truth the row may match, best first
    row_pass: np.ndarray  # uint16, bit t: the overlap reaches threshold t
    row_slot: np.ndarray  # (S,) int32
    group_truth: np.ndarray  # (G, 2) int32, first and end of the group's ground truth
    truth_flags: np.ndarray  # uint8
    category_word: np.ndarray  # (K+1,) int64, words of the position bit sets
    category_slot: np.ndarray  # (K+1,) int64
    slot_position: np.ndarray  # (S,) int32
    area_bits: np.ndarray  # (4, W) uint64, by position: the box lies within the area
    weights: np.ndarray  # int32, how many recall thresholds the n-th true positive is the first to reach
    weight_start: np.ndarray  # (4, K+1) int64
    level: np.ndarray  # (A,) int16
    slow: np.ndarray  # (I,) bool: groups depend on one another here (nms_pre binds, or NMS ignores categories)
    slow_start: np.ndarray  # (A+1,) int64
    slow_list: np.ndarray  # int32, the slow images each anchor has candidates in, ascending
    anchor_start: np.ndarray  # (A+1,) int64
    anchor_list: np.ndarray  # (N,) int32, each anchor's candidates, ascending
    nms_pre: int
    max_per_image: int
    agnostic: int


class State(NamedTuple):
    """One subset's detections, and the scratch space to change them and to take the change back."""

    flags: np.ndarray  # (N,) uint8
    hint: np.ndarray  # (N,) uint16, how far before a candidate its suppressor stood when last looked for; may be wrong
    bits: np.ndarray  # (W,) uint64, by position: the candidate is evaluated
    masks: np.ndarray  # (S,) uint32, by slot: bit t true positive at t, bit 10+t ignored at t
    alive: np.ndarray  # (I,) int32, candidates NMS leaves
    cut: np.ndarray  # (I,) int32, the last rank max_per_image lets pass
    first: np.ndarray  # (G,) int32, the first candidate of a touched group that may change, -1: not touched
    last: np.ndarray  # (G,) int32, the last one
    touched: np.ndarray  # (G,) int32
    change: np.ndarray  # (I, 3) int32: alive, alive within the cut, touched or not
    images: np.ndarray  # (I,) int32, touched images
    taken: np.ndarray  # (ground truth,) uint16, bit t: matched at t
    dirty: np.ndarray  # (K,) bool
    flip: np.ndarray  # (3N,) int32, log
    flip_bits: np.ndarray  # (3N,) uint8, log
    slot_log: np.ndarray  # (S,) int32
    mask_log: np.ndarray  # (S,) uint32
    image_log: np.ndarray  # (I, 3) int32: image, alive, cut
    count: np.ndarray  # (6,) int64, lengths, see below


# What `count` counts: touched groups and images; logged flips, slots and images; groups to match again.
GROUPS, IMAGES, FLIPS, SLOTS, LOGGED, REMATCH = range(6)


def empty_state(tables: Tables) -> State:
    """The state in which no anchor is kept."""
    candidates, images, groups = len(tables.anchor), len(tables.image_start) - 1, len(tables.group_image)
    rows, words = len(tables.row_slot), tables.area_bits.shape[1]
    return State(
        flags=np.zeros(candidates, np.uint8),
        hint=np.zeros(candidates, np.uint16),
        bits=np.zeros(words, np.uint64),
        masks=np.zeros(rows, np.uint32),
        alive=np.zeros(images, np.int32),
        cut=np.full(images, NO_CUT, np.int32),
        first=np.full(groups, -1, np.int32),
        last=np.empty(groups, np.int32),
        touched=np.empty(groups, np.int32),
        change=np.zeros((images, 3), np.int32),
        images=np.empty(images, np.int32),
        taken=np.zeros(len(tables.truth_flags), np.uint16),
        dirty=np.zeros(len(tables.category_word) - 1, np.bool_),
        # Never touched beyond what a change needs, so the operating system gives no memory to the rest.
        flip=np.empty(3 * candidates, np.int32),
        flip_bits=np.empty(3 * candidates, np.uint8),
        slot_log=np.empty(rows, np.int32),
        mask_log=np.empty(rows, np.uint32),
        image_log=np.empty((images, 3), np.int32),
        count=np.zeros(6, np.int64),
    )
