"""Where `nms_pre` binds: pools of more candidates than it lets into NMS.

A *pool* is what an image has of one level, or of one class; it is *tight* if all its candidates together are more than
`nms_pre`. In any other, no subset is cut.
"""

from typing import NamedTuple

import numpy as np

from anchorprune.scoring.compiled import kernel
from anchorprune.scoring.tables import Tables
from anchorprune.scoring.words import WORD

NOTHING = -1  # a toggle that is no anchor, or a place that is none


class Pools(NamedTuple):
    """Tight pools by image. I images, P pools, A anchors, W words; a pool's candidates are bits by falling score."""

    image_pools: np.ndarray  # (I, 2) int64, the image's first pool, and one past its last
    word: np.ndarray  # (P+1,) int64, where the pool's words begin
    place: np.ndarray  # (64*W,) int32, `Words.place` by bit; NOTHING for a box under min_size, and beyond the last
    anchor_start: np.ndarray  # (P*A+1,) int64, of `bit`, by pool, then anchor
    bit: np.ndarray  # int32, the anchor's candidates as bits, from the pool's first word
    limit: int  # nms_pre


def tight_pools(t: Tables, place: np.ndarray, group: np.ndarray | None, nms_pre: int | None) -> Pools:
    """The pools in which `nms_pre` binds.

    Args:
        t: the tables.
        place: (N,) int32, as `Words` has it.
        group: (N,) int32, the pool of each candidate within its image, in storage order; None: its anchor's level.
        nms_pre: the limit; None or negative: there is none.
    """
    images, anchors = len(t.image_start) - 1, len(t.level)
    ranges = np.zeros((images, 2), np.int64)
    if nms_pre is None or nms_pre < 0:
        return Pools(ranges, *(np.zeros(1, np.int64), np.zeros(0, np.int32)) * 2, 0)
    by_level = group is None
    pool = t.level.astype(np.int32) if by_level else group
    own = np.full(int(pool.max(initial=0)) + 1, NOTHING, np.int64)
    count, words, members = count_tight(t, pool, by_level, nms_pre, own, ranges)
    made = Pools(
        ranges,
        np.zeros(count + 1, np.int64),
        np.full(words * WORD, NOTHING, np.int32),
        np.zeros(count * anchors + 1, np.int64),
        np.empty(members, np.int32),
        nms_pre,
    )
    fill_tight(t, place, pool, by_level, own, made)
    return made


@kernel
def sizes(t, pool, by_level, image, size):
    """Count an image's candidates by pool."""
    size[:] = 0
    for j in range(t.image_start[image], t.image_start[image + 1]):
        size[pool[t.anchor[j]] if by_level else pool[j]] += 1


@kernel
def count_tight(t, pool, by_level, limit, size, ranges):
    """Fill `Pools.image_pools`; returns how many pools there are, their words, and their candidates."""
    count, words, members = 0, 0, 0
    for image in range(len(ranges)):
        ranges[image, 0] = count
        sizes(t, pool, by_level, image, size)
        for one in range(len(size)):
            if size[one] > limit:
                count += 1
                words += (size[one] + WORD - 1) // WORD
                members += size[one]
        ranges[image, 1] = count
    return count, words, members


@kernel
def fill_tight(t, place, pool, by_level, number, p):
    """Fill the pools, whose `image_pools` are known; `number` is scratch, one for each pool of an image."""
    anchors, starts, count = len(t.level), p.anchor_start, 0
    turn = np.empty(len(number), np.int64)
    for image in range(len(p.image_pools)):
        if p.image_pools[image, 0] == p.image_pools[image, 1]:
            continue
        start, end = t.image_start[image], t.image_start[image + 1]
        sizes(t, pool, by_level, image, turn)
        for one in range(len(number)):
            number[one] = NOTHING
            if turn[one] > p.limit:
                number[one] = count
                p.word[count + 1] = p.word[count] + (turn[one] + WORD - 1) // WORD
                count += 1
        for j in range(start, end):
            mine = number[pool[t.anchor[j]] if by_level else pool[j]]
            if mine != NOTHING:
                starts[mine * anchors + t.anchor[j] + 1] += 1
        for cell in range(p.image_pools[image, 0] * anchors, p.image_pools[image, 1] * anchors):
            starts[cell + 1] += starts[cell]
        put_members(t, place, pool, by_level, image, number, turn, p)


@kernel
def put_members(t, place, pool, by_level, image, number, turn, p):
    """Fill an image's pools with its candidates, best score first."""
    anchors, start = len(t.level), t.image_start[image]
    first, end = p.image_pools[image]
    following = p.anchor_start[first * anchors : end * anchors].copy()
    turn[:] = 0
    for rank in range(t.image_start[image + 1] - start):
        j = start + t.order[start + rank]
        one = pool[t.anchor[j]] if by_level else pool[j]
        mine = number[one]
        if mine == NOTHING:
            continue
        cell = (mine - first) * anchors + t.anchor[j]
        p.bit[following[cell]] = turn[one]
        following[cell] += 1
        if t.live_anchor[j] < anchors:
            p.place[p.word[mine] * WORD + turn[one]] = place[start + rank]
        turn[one] += 1
