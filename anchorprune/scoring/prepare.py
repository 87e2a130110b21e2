"""From a predictions file and annotations to `Tables`: everything that does not depend on the subset, once.

Candidates are read, sorted, suppressed and matched a part of the images at a time: their boxes, half of a file, are
never in memory for all of them.
"""

from collections import defaultdict

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.heads.predictions import Postprocess, Predictions
from anchorprune.scoring.ground_truth import recall_tables, sort_truth
from anchorprune.scoring.growing import Growing
from anchorprune.scoring.pack import packed
from anchorprune.scoring.part_tables import PartTables, part_tables
from anchorprune.scoring.places import place_category, place_rows
from anchorprune.scoring.pools import Pools, tight_pools
from anchorprune.scoring.sorted_parts import OnFile, SortedPart, sorted_parts
from anchorprune.scoring.suppression import Suppression
from anchorprune.scoring.tables import AREAS, Columns, Tables
from anchorprune.scoring.threads import Threads
from anchorprune.scoring.words import Words

Arrays = dict[str, np.ndarray]


def prepare(
    predictions: Predictions, annotations: Annotations, threads: Threads
) -> tuple[Tables, Words, Pools, OnFile]:
    """Build the tables; scores and boxes, which scoring does not need, stay on file.

    Raises:
        UserError: the predictions are damaged, or belong to another data set than the annotations.
    """
    post, head, categories = predictions.postprocess, predictions.head, len(annotations.category_ids)
    truth, whole = sort_truth(annotations), _Whole(predictions.num_rows)
    for part in sorted_parts(predictions, annotations, threads):
        whole.add(part, part_tables(part, predictions, truth, categories, threads))
    arrays = whole.arrays()
    arrays |= _positions(arrays, categories, threads)
    columns = Columns(*map(arrays.pop, Columns._fields))
    suppression = Suppression(*map(arrays.pop, Suppression._fields))
    tables = Tables(
        **arrays,
        **recall_tables(truth, categories),
        truth_flags=truth.flags,
        level=np.array(head.level_of_anchor, np.int16),
        max_per_image=post.max_per_image if post.max_per_image >= 0 else 2**31 - 2,
        agnostic=int(post.class_agnostic),
    )
    words = packed(tables, columns, suppression, threads)
    pools = tight_pools(tables, words.place, _classes(tables, post), post.nms_pre)
    return tables, words, pools, OnFile(predictions, annotations, threads)


def _classes(t: Tables, post: Postprocess) -> np.ndarray | None:
    if post.nms_pre is None or post.nms_pre_per == "level":
        return None
    return np.repeat(t.group_category, np.diff(t.group_start))


class _Whole:
    """The parts' tables as those of all images."""

    def __init__(self, rows: int):
        self._rows = rows
        self._columns: dict[str, Growing] = defaultdict(Growing)

    def add(self, part: SortedPart, tables: PartTables) -> None:
        """Put a part's tables behind those before it."""
        names = ("rank", "group_image", "row_pass", "row_candidate")
        candidates, groups, entries, rows = (len(self._columns[name]) for name in names)
        own, sizes = np.flatnonzero(tables.match_row >= 0), np.diff(tables.group_start)
        numbers = np.arange(groups, groups + len(sizes), dtype=np.int32)
        found = (
            tables._asdict()
            | self._behind(tables.suppression)
            | {
                "image_start": part.image_start[:-1] + candidates,
                "image_group": tables.image_group[:-1] + groups,
                "group_start": tables.group_start[:-1] + candidates,
                "group_of": np.repeat(numbers, sizes),
                "group_row": np.searchsorted(own, tables.group_start[:-1]) + rows,
                "anchor": part.found.anchor,
                "score": part.found.score,
                "rank": part.rank,
                "order": part.order,
                "match_row": np.where(tables.match_row >= 0, tables.match_row + np.int32(rows), np.int32(-1)),
                "row_candidate": (own + candidates).astype(np.int32),
                "row_start": tables.row_start + entries,
            }
        )
        del found["suppression"]
        share = (candidates + len(part.rank)) / self._rows
        for name, values in found.items():
            self._columns[name].add(values, share)

    def _behind(self, part: Suppression) -> Arrays:
        words, covers, giants, edges = (
            len(self._columns[name]) for name in ("span", "covers", "giant_start", "giants")
        )
        return part._asdict() | {
            "image_word": part.image_word[:-1] + words,
            "rows_at": np.where(part.rows_at < 0, part.rows_at - giants, part.rows_at + covers),
            "giant_start": part.giant_start[:-1] + edges,
        }

    def arrays(self) -> Arrays:
        """All of them, and of each candidate its `score` and `areas`, see `PartTables`."""
        of = {name: len(column) for name, column in self._columns.items()}
        ends = {"image_start": "rank", "group_start": "rank", "image_group": "group_image"}
        ends |= {"group_row": "row_candidate", "row_start": "row_pass"}
        ends |= {"image_word": "span", "giant_start": "giants"}
        for name, counted in ends.items():
            self._columns[name].add(np.array([of[counted]], np.int64), 1.0)
        found = {name: column.array() for name, column in self._columns.items()}
        if np.array_equal(found["anchor"], found["live_anchor"]):
            found["live_anchor"] = found["anchor"]
        return found


def _positions(found: Arrays, categories: int, threads: Threads) -> Arrays:
    """The tables by position and by slot; takes `score`, `areas` and `row_candidate` out of `found`."""
    score, areas, start, image = found.pop("score"), found.pop("areas"), found["group_start"], found["group_image"]
    by_category = np.argsort(found["group_category"], kind="stable")
    first = np.searchsorted(found["group_category"][by_category], np.arange(categories + 1))
    counts = np.bincount(found["group_category"], np.diff(start), categories).astype(np.int64)
    word = np.concatenate([[0], np.cumsum((counts + 63) // 64)]).astype(np.int64)
    position, bits = np.empty(len(score), np.int32), np.zeros((len(AREAS), word[-1]), np.uint64)
    images = np.zeros(64 * word[-1], np.int32)

    def run(category: int) -> None:
        groups = by_category[first[category] : first[category + 1]]
        place_category(score, areas, start, image, groups, word[category] * 64, position, images, bits)

    threads.map(run, range(categories))
    rows = position[found.pop("row_candidate")]
    slot, slot_position = np.empty_like(rows), np.empty_like(rows)
    slots = place_rows(rows, word, slot, slot_position)
    by_slot = {"row_slot": slot, "slot_position": slot_position, "category_slot": slots}
    by_position = {"position_image": images, "area_bits": bits}
    return {"position": position, "category_word": word, **by_position, **by_slot}
