"""One subset's detections, and the scratch space to change them and to take the change back."""

from typing import NamedTuple

import numpy as np

from anchorprune.scoring.tables import BLOCK, NO_CUT, Tables, blocks_of


class State(NamedTuple):
    """One subset's detections: arrays that threads share, each in images of its own, then a thread's own scratch."""

    flags: np.ndarray  # (N,) uint8
    covers: np.ndarray  # (N,) uint16, candidates left by NMS that would suppress this one
    matches: np.ndarray  # (S,) uint32, by row: bit t true positive at t, bit 10+t ignored at t
    alive: np.ndarray  # (I,) int32, candidates NMS leaves
    cut: np.ndarray  # (I,) int32, the last rank max_per_image lets pass
    listed: np.ndarray  # (G,) uint8, IN_LONG, IN_REMATCH
    change: np.ndarray  # (I, 3) int32: alive, alive within the cut, listed or not
    taken: np.ndarray  # (ground truth,) uint16, bit t: matched at t
    # From here on a thread's own, no longer than a block of images needs.
    pending: np.ndarray  # uint64, bit set of the block's candidates: NMS must look at them
    long: np.ndarray  # int32, groups
    rematch: np.ndarray  # int32, groups
    images: np.ndarray  # int32, changed images
    flip: np.ndarray  # int32, log: candidate
    flip_bits: np.ndarray  # uint8, log
    row_log: np.ndarray  # int32, log: row
    match_log: np.ndarray  # uint32, log: what of the row's match changed
    image_log: np.ndarray  # (., 3) int32, log: image, alive, cut
    count: np.ndarray  # (6,) int64, lengths, see below


# What `count` counts: changed images; logged flips, rows and images; long groups changed; groups to match again.
IMAGES, FLIPS, ROWS, LOGGED, LONG, REMATCH = range(6)


def empty_state(tables: Tables) -> State:
    """The state in which no anchor is kept."""
    candidates, images, groups = len(tables.anchor), len(tables.image_start) - 1, len(tables.group_image)
    shared = {
        "flags": np.zeros(candidates, np.uint8),
        "covers": np.zeros(candidates, np.uint16),
        "matches": np.zeros(len(tables.row_slot), np.uint32),
        "alive": np.zeros(images, np.int32),
        "cut": np.full(images, NO_CUT, np.int32),
        "listed": np.zeros(groups, np.uint8),
        "change": np.zeros((images, 3), np.int32),
        "taken": np.zeros(len(tables.truth_flags), np.uint16),
    }
    return State(**shared, **_scratch(tables))


def with_own_scratch(state: State, tables: Tables) -> State:
    """The same state for another thread."""
    return state._replace(**_scratch(tables))


def _scratch(t: Tables) -> dict[str, np.ndarray]:
    candidates = int(np.diff(blocks_of(t.image_start)).max())
    groups = int(np.diff(blocks_of(t.image_group)).max())
    rows = int(np.diff(blocks_of(t.group_row[t.image_group])).max())
    return {
        "pending": np.zeros(candidates // 64 + 1, np.uint64),
        "long": np.empty(groups, np.int32),
        "rematch": np.empty(groups, np.int32),
        "images": np.empty(BLOCK, np.int32),
        "flip": np.empty(4 * candidates, np.int32),
        "flip_bits": np.empty(4 * candidates, np.uint8),
        "row_log": np.empty(rows, np.int32),
        "match_log": np.empty(rows, np.uint32),
        "image_log": np.empty((BLOCK, 3), np.int32),
        "count": np.zeros(6, np.int64),
    }
