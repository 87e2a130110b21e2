"""The example images of an experiment as its page shows them: pictures once, boxes as SVG or numbers over them."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.prepared import read_split
from anchorprune.errors import UserError
from anchorprune.report.data.detector_facts import DetectorFacts, is_reference
from anchorprune.report.data.manifest import is_pruned
from anchorprune.report.data.pair_examples import Box, PairExamples, SeenSplit, pair_examples, seen_splits
from anchorprune.report.page.example_facts import BYTES_PER_PAIR, bytes_of_facts, facts_of_examples
from anchorprune.report.page.thumbnails import Picture, picture_of

FOR_AN_EXPERIMENT, FOR_A_PAGE = 1_500_000, 4_000_000  # bytes of all examples, and of those of a whole page
_PER_BOX, _PER_EXAMPLE = 130, 900  # bytes of their markup, about
_SHARE, _LEAST = 0.6, 4_000  # of the bytes, for the pictures; of each of them, where it needs as many


@dataclass(frozen=True)
class ExampleImage:
    """An image as two detectors see it: its position in the split, AP on it alone and boxes of each."""

    position: int
    aps: tuple[float, float]
    found: tuple[list[Box], list[Box]]


@dataclass(frozen=True)
class ShownPair:
    """The examples of a pruned detector against its unpruned one that have their pictures: losses, then gains."""

    reference: int
    pruned: int
    groups: list[tuple[str, list[ExampleImage]]]


@dataclass(frozen=True)
class Examples:
    """The examples of an experiment.

    Attributes:
        pictures: by position in the test split.
        pairs: what is shown without the script: of each pruned detector that has any.
        classes: names of the categories.
        judged: images of the split that have ground truth, among which examples are chosen.
        unread: how many images could not be read.
        left_out: how many examples of `pairs` there was no room for.
        facts: of every two detectors, for the script.
    """

    pictures: dict[int, Picture]
    pairs: list[ShownPair]
    classes: tuple[str, ...]
    judged: int
    unread: int
    left_out: int
    facts: dict[str, Any]


def example_images(found: list[DetectorFacts], experiments: int) -> Examples | None:
    """The examples of an experiment's detectors, as many as there is room for; None where no file tells of any.

    Every two detectors have theirs in turn: the worst of each, the best of each, the second worst of each, and so on.

    Args:
        found: its detectors.
        experiments: how many share the page.
    """
    truth, seen = seen_splits(found)
    pairs = pair_examples(seen)
    if truth is None or not pairs:
        return None
    stated = [
        pair
        for pair in pairs
        if is_pruned(found[pair.second].entry) and is_reference(found[pair.first], found[pair.second])
    ]
    room = min(FOR_AN_EXPERIMENT, FOR_A_PAGE // experiments) - BYTES_PER_PAIR * len(pairs)
    wanted = {position for pair in pairs for position in (*pair.worst, *pair.best)}
    album = _Album(truth, seen, _folder(found), room, max(int(_SHARE * room / max(len(wanted), 1)), _LEAST))
    for pair, position in _in_turn([*stated, *(pair for pair in pairs if pair not in stated)]):
        if album.has(position) and pair in stated:
            album.draw(pair, position)
    shown = {at: picture for at, picture in album.pictures.items() if picture}
    examples = [_shown(pair, album.drawn) for pair in stated]
    left_out = sum(p not in album.pictures for pair in stated for p in (*pair.worst, *pair.best))
    return Examples(
        shown,
        [pair for pair in examples if pair.groups],
        truth.category_names,
        int((~np.isnan(next(iter(seen.values())).aps)).sum()),
        sum(picture is None for picture in album.pictures.values()),
        left_out + album.undrawn,
        facts_of_examples(truth, seen, pairs, shown),
    )


@dataclass
class _Album:
    """Pictures and drawn examples, until the room for their bytes is used up.

    Attributes:
        pictures: by position; None for one that could not be read.
        drawn: (pair's numbers, position) -> example.
        undrawn: how many had a picture, but no room.
        full: whether a picture had no room.
    """

    truth: Annotations
    seen: dict[int, SeenSplit]
    folder: Path | None
    room: int
    most: int
    pictures: dict[int, Picture | None] = field(default_factory=dict)
    drawn: dict[tuple[int, int, int], ExampleImage] = field(default_factory=dict)
    undrawn: int = 0
    full: bool = False

    def has(self, position: int) -> bool:
        """Whether an image has its picture; it gets one where there is room."""
        if position not in self.pictures and not self.full:
            picture = picture_of(self.truth, position, self.folder, self.most)
            needed = len(picture.uri) + bytes_of_facts(self.truth, self.seen, position) if picture else 0
            self.full = needed > self.room
            if not self.full:
                self.room -= needed
                self.pictures[position] = picture
        return self.pictures.get(position) is not None

    def draw(self, pair: PairExamples, position: int) -> None:
        """Keep an example to be drawn without the script, where there is room."""
        both = [self.seen[number] for number in (pair.first, pair.second)]
        found = tuple(one.boxes(self.truth, position) for one in both)
        needed = _PER_EXAMPLE + _PER_BOX * sum(map(len, found))
        if needed > self.room:
            self.undrawn += 1
            return
        self.room -= needed
        aps = tuple(float(one.aps[position]) for one in both)
        self.drawn[pair.first, pair.second, position] = ExampleImage(position, aps, found)


def _folder(found: list[DetectorFacts]) -> Path | None:
    data = next((one.entry["files"]["data"] for one in found if "data" in one.entry["files"]), None)
    try:
        return read_split(data, "test").images if data else None
    except UserError:  # a data set that is gone, or moved, has no images to show
        return None


def _in_turn(pairs: list[PairExamples]) -> Iterator[tuple[PairExamples, int]]:
    """(pair, position): the worst of each pair, the best of each, the second worst of each, ..."""
    columns = [[(pair, at) for at in positions] for pair in pairs for positions in (pair.worst, pair.best)]
    for row in itertools.zip_longest(*columns[0::2], *columns[1::2]):
        yield from (item for item in row if item is not None)


def _shown(pair: PairExamples, drawn: dict[tuple[int, int, int], ExampleImage]) -> ShownPair:
    keys = [(pair.first, pair.second, at) for at in (*pair.worst, *pair.best)]
    groups = [
        (title, [drawn[key] for key in keys[part] if key in drawn])
        for title, part in (
            ("What lost most", slice(len(pair.worst))),
            ("What gained most", slice(len(pair.worst), None)),
        )
    ]
    return ShownPair(pair.first, pair.second, [group for group in groups if group[1]])


def short(value: float) -> str:
    """Coordinates for an SVG: to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def as_path(box: Box) -> str:
    """A box as a path."""
    x, y, width, height = map(short, box[:4])
    return f"M{x} {y}h{width}v{height}h-{width}z"
