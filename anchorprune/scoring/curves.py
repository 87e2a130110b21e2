"""What precision and recall need of a subset, and logs of how children differ in it from their parent."""

from typing import NamedTuple

import numpy as np

from anchorprune.scoring.compiled import first_bit, kernel
from anchorprune.scoring.state import COUNTED, ROWS
from anchorprune.scoring.suppress import ONE
from anchorprune.scoring.tables import Tables, blocks_of
from anchorprune.scoring.threads import Threads

LOG_LENGTH = 1 << 22


class Curve(NamedTuple):
    """What precision and recall need of one subset; positions and slots run through categories, not images."""

    bits: np.ndarray  # (W,) uint64, by position: the candidate is evaluated
    masks: np.ndarray  # (S,) uint32, `State.matches` by slot
    matched: np.ndarray  # (S/64,) uint64, by slot: the mask is not 0


class Log(NamedTuple):
    """How the curves of children differ from their parent's, in pieces: one for each child of each block of images.

    Applied twice it changes nothing.
    """

    position: np.ndarray  # int32, toggled
    slot: np.ndarray  # int32
    mask: np.ndarray  # uint32, the bits of the slot's mask that are toggled
    ends: np.ndarray  # (pieces + 1, 2) int64, where each piece ends, of positions and of slots
    used: np.ndarray  # (1,) int64, pieces written


def empty_curve(tables: Tables) -> Curve:
    """The curve of no detections."""
    slots = len(tables.row_slot)
    words = np.zeros(tables.area_bits.shape[1], np.uint64)
    return Curve(words, np.zeros(slots, np.uint32), np.zeros(slots // 64 + 1, np.uint64))


def change(curve: Curve, logs: list[list[Log]], threads: Threads) -> None:
    """Make the logged changes of a single child, each thread's own images' in a thread, in its parent's curve."""
    parts = [Curve(np.zeros_like(curve.bits), curve.masks, np.zeros_like(curve.matched)) for _ in logs[1:]]

    def run(thread: int) -> None:
        for log in logs[thread]:
            apply_log(log, [curve, *parts][thread], 0, 1)

    threads.map(run, range(len(logs)))
    for part in parts:
        np.bitwise_xor(curve.bits, part.bits, out=curve.bits)
        np.bitwise_xor(curve.matched, part.matched, out=curve.matched)


def copies(curves: list[Curve], count: int) -> list[Curve]:
    """`count` curves equal to the first; those that are missing are added to `curves`."""
    curves += [Curve(*map(np.empty_like, curves[0])) for _ in range(count - len(curves))]
    for curve in curves[1:count]:
        for mine, first in zip(curve, curves[0], strict=True):
            mine[:] = first
    return curves[:count]


def nonzero_bits(masks: np.ndarray) -> np.ndarray:
    """`Curve.matched` of masks."""
    packed = np.zeros((len(masks) // 64 + 1) * 8, np.uint8)
    bits = np.packbits(masks != 0, bitorder="little")
    packed[: len(bits)] = bits
    return packed.view(np.uint64)


def long_enough(logs: list[Log], index: int, t: Tables, children: int, pieces: int) -> Log:
    """The index-th of a thread's logs, made or made anew where it would not hold the largest block or the pieces.

    Memory beyond what is written is never touched, so it is not taken.
    """
    positions = max(LOG_LENGTH, children * _largest(t.image_start))
    slots = max(LOG_LENGTH, children * _largest(t.group_row[t.image_group]))
    if index < len(logs):
        log = logs[index]
        if len(log.position) >= positions and len(log.slot) >= slots and len(log.ends) > pieces:
            return log
    log = Log(
        np.empty(positions, np.int32),
        np.empty(slots, np.int32),
        np.empty(slots, np.uint32),
        np.zeros((pieces + 1, 2), np.int64),
        np.zeros(1, np.int64),
    )
    logs[index : index + 1] = [log]
    return log


def _largest(totals: np.ndarray) -> int:
    return int(np.diff(blocks_of(totals)).max())


@kernel
def write_log(t, w, s, log):
    """Write the state's changes since the last `forget` or `undo` as one more piece of a log."""
    piece = log.used[0]
    log.used[0] = piece + 1
    position, word_start, counted_word, counted_bits = w.position, w.word_start, s.counted_word, s.counted_bits
    row_slot, row_log, match_log = t.row_slot, s.row_log, s.match_log
    positions, slots, masks = log.position, log.slot, log.mask
    at = log.ends[piece, 0]
    for i in range(s.count[COUNTED]):
        left, start = counted_bits[i], word_start[counted_word[i]]
        while left:
            positions[at] = position[start + first_bit(left)]
            left &= left - ONE
            at += 1
    log.ends[piece + 1, 0] = at
    at = log.ends[piece, 1]
    for i in range(s.count[ROWS]):
        slots[at] = row_slot[row_log[i]]
        masks[at] = match_log[i]
        at += 1
    log.ends[piece + 1, 1] = at


@kernel
def apply_log(log, curve, child, children):
    """Turn the parent's curve into a child's, or back."""
    position, slot, change, ends = log.position, log.slot, log.mask, log.ends
    bits, masks, matched = curve.bits, curve.masks, curve.matched
    for piece in range(child, log.used[0], children):
        for i in range(ends[piece, 0], ends[piece + 1, 0]):
            place = position[i]
            bits[place >> 6] ^= ONE << np.uint64(place & 63)
        for i in range(ends[piece, 1], ends[piece + 1, 1]):
            place, before = slot[i], masks[slot[i]]
            masks[place] = before ^ change[i]
            if before == 0 or before == change[i]:
                matched[place >> 6] ^= ONE << np.uint64(place & 63)
