"""One subset's detections, and the scratch space to change them and to take the change back."""

from typing import NamedTuple

import numpy as np

from anchorprune.scoring.pools import Pools
from anchorprune.scoring.tables import BLOCK, NO_CUT, Tables, blocks_of
from anchorprune.scoring.words import Words


class State(NamedTuple):
    """One subset's detections: arrays that threads share, each in images of its own, then a thread's own scratch."""

    kept: np.ndarray  # (W,) uint64: of a kept anchor, and not beyond nms_pre
    alive: np.ndarray  # (W,) uint64: left by NMS
    counted: np.ndarray  # (W,) uint64: evaluated
    counted_rows: np.ndarray  # uint64, bit set of rows, see `Words.row_word`: evaluated
    matches: np.ndarray  # (S,) uint32, by row: bit t true positive at t, bit 10+t ignored at t
    left: np.ndarray  # (I,) int32, candidates NMS leaves
    cut: np.ndarray  # (I,) int32, the last rank max_per_image lets pass
    group_left: np.ndarray  # (G,) int32, candidates NMS leaves of a group that MAX_DETECTIONS can cut
    change: np.ndarray  # (I, 3) int32: left, left within the cut, listed or not
    group_change: np.ndarray  # (G,) int32: of group_left
    in_pool: np.ndarray  # uint64, by the words of pools: of a kept anchor
    listed: np.ndarray  # (G,) uint8, IN_LONG, IN_OVERFLOW, IN_REMATCH
    taken: np.ndarray  # (ground truth,) uint16, bit t: matched at t
    # From here on a thread's own, no longer than a block of images needs.
    diff: np.ndarray  # uint64, by the block's words: what of `kept` changes
    look: np.ndarray  # uint64, by the block's words: what of `counted` can change
    gone: np.ndarray  # uint64, by a component's words: suppressed
    flip: np.ndarray  # uint64, by a pool's words: of an anchor that comes or goes
    touched: np.ndarray  # int32, words with a `diff`
    wide: np.ndarray  # int32, first words of components
    looked: np.ndarray  # int32, words with a `look`
    images: np.ndarray  # int32, changed images
    long: np.ndarray  # int32, groups whose `group_left` changes
    overflow: np.ndarray  # int32, groups that MAX_DETECTIONS cuts
    rematch: np.ndarray  # int32, groups
    alive_word: np.ndarray  # int32, log: word
    alive_bits: np.ndarray  # uint64, log: what of it changed
    counted_word: np.ndarray  # int32, log: word
    counted_bits: np.ndarray  # uint64, log: what of it changed
    row_flip: np.ndarray  # int32, log: row that is evaluated or no longer
    row_log: np.ndarray  # int32, log: row
    match_log: np.ndarray  # uint32, log: what of the row's match changed
    image_log: np.ndarray  # (., 3) int32, log: image, left, cut
    count: np.ndarray  # (11,) int64, lengths, see below


# What `count` counts, of the arrays above.
TOUCHED, WIDE, LOOKED, IMAGES, LONG, OVERFLOW, REMATCH, ALIVE, COUNTED, FLIPPED, ROWS = range(11)


def empty_state(t: Tables, w: Words, p: Pools) -> State:
    """The state in which no anchor is kept."""
    words, images, groups = len(w.word_image), len(t.image_start) - 1, len(t.group_image)
    shared = {
        "kept": np.zeros(words, np.uint64),
        "alive": np.zeros(words, np.uint64),
        "counted": np.zeros(words, np.uint64),
        "counted_rows": np.zeros(w.row_word[-1], np.uint64),
        "matches": np.zeros(len(t.row_slot), np.uint32),
        "left": np.zeros(images, np.int32),
        "cut": np.full(images, NO_CUT, np.int32),
        "group_left": np.zeros(groups, np.int32),
        "change": np.zeros((images, 3), np.int32),
        "group_change": np.zeros(groups, np.int32),
        "in_pool": np.zeros(p.word[-1], np.uint64),
        "listed": np.zeros(groups, np.uint8),
        "taken": np.zeros(len(t.truth_flags), np.uint16),
    }
    return State(**shared, **_scratch(t, w, p))


def clear(state: State) -> None:
    """Make it the state in which no anchor is kept."""
    for array in state[: State._fields.index("diff")]:
        array[:] = 0
    state.cut[:] = NO_CUT


def with_own_scratch(state: State, t: Tables, w: Words, p: Pools) -> State:
    """The same state for another thread."""
    return state._replace(**_scratch(t, w, p))


def _scratch(t: Tables, w: Words, p: Pools) -> dict[str, np.ndarray]:
    candidates, words, groups, rows = (
        int(np.diff(blocks_of(totals)).max())
        for totals in (t.image_start, w.image_word, t.image_group, t.group_row[t.image_group])
    )
    by_word = {name: np.zeros(words, np.uint64) for name in ("diff", "look", "gone", "alive_bits")}
    lists = {name: np.empty(2 * words, np.int32) for name in ("looked", "alive_word")}
    # A word is listed again where an anchor's toggle was taken back as beyond `nms_pre`, and another candidate follows.
    lists |= {name: np.empty(words + candidates, np.int32) for name in ("touched", "wide")}
    by_group = {name: np.empty(groups, np.int32) for name in ("long", "overflow", "rematch")}
    by_row = {name: np.empty(rows, np.int32) for name in ("row_flip", "row_log")}
    return {
        **by_word,
        **lists,
        **by_group,
        **by_row,
        "flip": np.zeros(np.diff(p.word).max(initial=0), np.uint64),
        "counted_word": np.empty(words + candidates, np.int32),
        "counted_bits": np.empty(words + candidates, np.uint64),
        "match_log": np.empty(rows, np.uint32),
        "images": np.empty(BLOCK, np.int32),
        "image_log": np.empty((BLOCK, 3), np.int32),
        "count": np.zeros(11, np.int64),
    }
