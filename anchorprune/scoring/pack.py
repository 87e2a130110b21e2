"""From tables to words, once."""

import numpy as np

from anchorprune.scoring.compiled import kernel
from anchorprune.scoring.suppression import Suppression
from anchorprune.scoring.tables import BLOCK, MAX_DETECTIONS, Columns, Tables, blocks_of
from anchorprune.scoring.threads import Threads
from anchorprune.scoring.words import WORD, Words, most_between


def packed(t: Tables, c: Columns, found: Suppression, threads: Threads) -> Words:
    """The words of all candidates.

    Args:
        t: the tables.
        c: the candidates.
        found: who suppresses whom.
        threads: that work.
    """
    images, words, candidates = len(t.image_start) - 1, len(found.span), len(t.anchor)
    long = (np.diff(t.group_start) > MAX_DETECTIONS) & (t.max_per_image > MAX_DETECTIONS)
    blocks = [(low * BLOCK, min(high * BLOCK, images)) for low, high in threads.blocks(blocks_of(t.image_start))]
    entries = np.zeros((len(blocks_of(t.image_start)) - 1, len(t.level)), np.int64)
    threads.map(lambda b: count_entries(t, found.place, found.image_word, *b, entries), blocks)
    entry_start = np.concatenate([[0], np.cumsum(entries)]).astype(np.int64)
    block_rows = np.diff(blocks_of(t.group_row[t.image_group]))
    shared = {name: column for name, column in found._asdict().items() if name != "place"}
    made = Words(
        **shared,
        **{name: np.empty(candidates, np.int32) for name in ("position", "rank", "row", "group", "place")},
        word_image=np.repeat(np.arange(images, dtype=np.int32), np.diff(found.image_word)),
        word_start=np.empty(words, np.int64),
        has_row=np.zeros(words, np.uint64),
        in_long=np.zeros(words, np.uint64),
        entry_start=entry_start,
        entry_word=np.empty(entry_start[-1], np.int32),
        entry_mask=np.empty(entry_start[-1], np.uint64),
        row_word=np.concatenate([[0], np.cumsum((block_rows + WORD - 1) // WORD)]).astype(np.int64),
    )
    threads.map(lambda b: pack_images(t, c, found.place, long, *b, made), blocks)
    return made


@kernel
def members(place, start, end, member):
    """Fill `member` with the candidate at each place of an image's, -1 for none, and return how many places there are.

    Args:
        place: (N,) int32, of each candidate, from the image's first word.
        start: the image's first candidate.
        end: one past its last.
        member: (>= 64 * words,) int32, out.
    """
    last = -1
    for j in range(start, end):
        last = max(last, place[j])
    places = (last // WORD + 1) * WORD
    member[:places] = -1
    for j in range(start, end):
        member[place[j]] = j
    return places


@kernel
def member_space(image_word, first, end):
    """The array `member` for images first..end."""
    return np.empty(most_between(image_word, first, end) * WORD, np.int32)


@kernel
def count_entries(t, place, image_word, first, end, entries):
    """Count the words in which each anchor has candidates, by block (B, A), in images first..end."""
    member, anchors = member_space(image_word, first, end), entries.shape[1]
    seen = np.full(anchors + 1, -1, np.int64)
    for image in range(first, end):
        for at in range(members(place, t.image_start[image], t.image_start[image + 1], member)):
            if member[at] < 0:
                continue
            anchor, word = t.live_anchor[member[at]], image_word[image] + at // WORD
            if anchor < anchors and seen[anchor] != word:
                seen[anchor] = word
                entries[image // BLOCK, anchor] += 1


@kernel
def pack_images(t, c, place, long, first, end, w):
    """Fill the words of images first..end with what candidates have; the first is the first of a block.

    Args:
        t: the tables.
        c: the candidates.
        place: (N,) int32, of each candidate, from the image's first word.
        long: (G,) bool: groups that MAX_DETECTIONS can cut.
        first: first image.
        end: one past the last image.
        w: out, the words.
    """
    anchors, member = len(t.level), member_space(w.image_word, first, end)
    following = np.empty(anchors, np.int64)
    for image in range(first, end):
        block, made = image // BLOCK * anchors, t.image_start[image]
        if image % BLOCK == 0:
            following[:] = w.entry_start[block : block + anchors]
        for at in range(members(place, made, t.image_start[image + 1], member)):
            word, j = w.image_word[image] + at // WORD, member[at]
            if at % WORD == 0:
                w.word_start[word] = made
            if j < 0:
                continue
            bit = np.uint64(1) << np.uint64(at % WORD)
            w.position[made], w.rank[made], w.row[made] = c.position[j], c.rank[j], c.match_row[j]
            w.group[made] = c.group_of[j]
            w.place[t.image_start[image] + c.rank[j]] = at
            w.has_row[word] |= bit * np.uint64(c.match_row[j] >= 0)
            w.in_long[word] |= bit * np.uint64(long[c.group_of[j]])
            made += 1
            anchor = t.live_anchor[j]
            if anchor >= anchors:
                continue
            entry = following[anchor]
            if entry > w.entry_start[block + anchor] and w.entry_word[entry - 1] == word:
                w.entry_mask[entry - 1] |= bit
            else:
                w.entry_word[entry] = word
                w.entry_mask[entry] = bit
                following[anchor] = entry + 1
