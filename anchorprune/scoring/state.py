"""One subset's detections, and the scratch space to change them and to take the change back."""

from typing import NamedTuple

import numpy as np

from anchorprune.scoring.tables import BLOCK, NO_CUT, Tables, blocks_of


class State(NamedTuple):
    """One subset's detections: arrays that threads share, each in images of its own, then a thread's own scratch."""

    flags: np.ndarray  # (N,) uint8
    hint: np.ndarray  # (N,) uint16, how far before a candidate its suppressor stood when last looked for; may be wrong
    matches: np.ndarray  # (S,) uint32, by row: bit t true positive at t, bit 10+t ignored at t
    alive: np.ndarray  # (I,) int32, candidates NMS leaves
    cut: np.ndarray  # (I,) int32, the last rank max_per_image lets pass
    first: np.ndarray  # (G,) int32, the first candidate of a touched group that may change, -1: not touched
    last: np.ndarray  # (G,) int32, the last one
    change: np.ndarray  # (I, 3) int32: alive, alive within the cut, touched or not
    taken: np.ndarray  # (ground truth,) uint16, bit t: matched at t
    # From here on a thread's own, no longer than a block of images needs.
    touched: np.ndarray  # int32, groups
    images: np.ndarray  # int32, touched images
    flip: np.ndarray  # int32, log: candidate
    flip_bits: np.ndarray  # uint8, log
    row_log: np.ndarray  # int32, log: row
    match_log: np.ndarray  # uint32, log: what of the row's match changed
    image_log: np.ndarray  # (., 3) int32, log: image, alive, cut
    count: np.ndarray  # (6,) int64, lengths, see below


# What `count` counts: touched groups and images; logged flips, rows and images; groups to match again.
GROUPS, IMAGES, FLIPS, ROWS, LOGGED, REMATCH = range(6)


def empty_state(tables: Tables) -> State:
    """The state in which no anchor is kept."""
    candidates, images, groups = len(tables.anchor), len(tables.image_start) - 1, len(tables.group_image)
    shared = {
        "flags": np.zeros(candidates, np.uint8),
        "hint": np.zeros(candidates, np.uint16),
        "matches": np.zeros(len(tables.row_slot), np.uint32),
        "alive": np.zeros(images, np.int32),
        "cut": np.full(images, NO_CUT, np.int32),
        "first": np.full(groups, -1, np.int32),
        "last": np.empty(groups, np.int32),
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
        "touched": np.empty(groups, np.int32),
        "images": np.empty(BLOCK, np.int32),
        "flip": np.empty(3 * candidates, np.int32),
        "flip_bits": np.empty(3 * candidates, np.uint8),
        "row_log": np.empty(rows, np.int32),
        "match_log": np.empty(rows, np.uint32),
        "image_log": np.empty((BLOCK, 3), np.int32),
        "count": np.zeros(6, np.int64),
    }
