"""Candidates as bits of 64-bit words, in the order in which NMS looks at them: what the kernels of NMS walk over.

Candidates of an image that overlap enough to suppress one another, directly or through others, form a *component*:
NMS in one does not touch the others. The components of an image stand one after the other in its words, best score
first within one. A *narrow* component lies in one word, with others; a *wide* one fills words of its own; a *giant*
is a wide one for which a list of who suppresses whom takes less memory than bits. A candidate's *place* is its word
and bit; candidates are numbered by place.
"""

from typing import NamedTuple

import numpy as np

from anchorprune.scoring.compiled import kernel

WORD = 64
DENSE = 16  # words of the largest component that is kept as bits


@kernel
def most_between(starts, first, end):
    """The most that any of first..end has, given where each one's begin."""
    most = 0
    for one in range(first, end):
        most = max(most, starts[one + 1] - starts[one])
    return most


class Words(NamedTuple):
    """W words, N candidates, I images, B blocks of images, A anchors."""

    image_word: np.ndarray  # (I+1,) int64
    word_image: np.ndarray  # (W,) int32
    word_start: np.ndarray  # (W,) int64, the word's first candidate
    bounds: np.ndarray  # (W,) uint64: the first candidates of components
    span: np.ndarray  # (W,) int32, words from this one to its component's last: 1 where components are narrow
    head: np.ndarray  # (W,) int32, words from its component's first to this one
    rows_at: np.ndarray  # (W,) int64, its first candidate's row of `covers`, or -1 less that of `giant_start`
    covers: np.ndarray  # uint64, `span` words a candidate: itself and those it suppresses, from its own word on
    giant_start: np.ndarray  # int64
    giants: np.ndarray  # uint16, places within the component of those a candidate suppresses
    position: np.ndarray  # (N,) int32
    rank: np.ndarray  # (N,) int32
    row: np.ndarray  # (N,) int32, -1 for none
    group: np.ndarray  # (N,) int32
    place: np.ndarray  # (N,) int32, by image and rank: 64 * word + bit, from the image's first word
    has_row: np.ndarray  # (W,) uint64
    in_long: np.ndarray  # (W,) uint64: of a group that MAX_DETECTIONS can cut
    entry_start: np.ndarray  # (B*A+1,) int64, by block, then anchor
    entry_word: np.ndarray  # int32, ascending
    entry_mask: np.ndarray  # uint64: the anchor's candidates in the word
    row_word: np.ndarray  # (B+1,) int64, where each block's rows begin in a bit set of rows


def bits_of(words: np.ndarray) -> np.ndarray:
    """(64 * n,) uint8, the bits of (n,) uint64, the lowest first."""
    return np.unpackbits(words.view(np.uint8), bitorder="little")
