"""The example images of an experiment as its page shows them: pictures once, boxes as SVG over them."""

import itertools
from dataclasses import dataclass
from pathlib import Path

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.prepared import read_split
from anchorprune.errors import UserError
from anchorprune.report.data.detector_facts import DetectorFacts
from anchorprune.report.data.pair_examples import Box, ExampleImage, PairExamples, pair_examples
from anchorprune.report.page.thumbnails import thumbnail

FOR_AN_EXPERIMENT, FOR_A_PAGE = 700_000, 3_000_000  # bytes of all examples, and of those of a whole page
_PER_BOX, _PER_EXAMPLE = 130, 900  # bytes of their markup, about
_SHARE = 0.6  # of the bytes, for the pictures


@dataclass(frozen=True)
class Picture:
    """An image of the test split: its file's name, its size in pixels, its data URI, its ground truth."""

    name: str
    width: int
    height: int
    uri: str
    truths: list[tuple[float, float, float, float]]


@dataclass(frozen=True)
class ShownPair:
    """The examples of a pruned detector that have their pictures: losses first, then gains."""

    reference: int
    pruned: int
    groups: list[tuple[str, list[ExampleImage]]]


@dataclass(frozen=True)
class Examples:
    """The examples of an experiment.

    Attributes:
        pictures: by position in the test split.
        pairs: of each pruned detector that has any.
        classes: names of the categories.
        unread: how many images could not be read.
        left_out: how many examples there was no room for.
    """

    pictures: dict[int, Picture]
    pairs: list[ShownPair]
    classes: tuple[str, ...]
    unread: int
    left_out: int


def example_images(found: list[DetectorFacts], experiments: int) -> Examples | None:
    """The examples of an experiment's detectors, as many as there is room for; None where no file tells of any.

    Args:
        found: its detectors.
        experiments: how many share the page.
    """
    truth, pairs = pair_examples(found)
    if truth is None:
        return None
    folder = _folder(found)
    room = min(FOR_AN_EXPERIMENT, FOR_A_PAGE // experiments)
    wanted = {example.position for pair in pairs for example in (*pair.worst, *pair.best)}
    most = int(_SHARE * room / max(len(wanted), 1))
    pictures: dict[int, Picture | None] = {}
    kept, left_out = set(), 0
    for number, example in _in_turn(pairs):
        if example.position not in pictures:
            pictures[example.position] = _picture(truth, example.position, folder, most)
            room -= len(getattr(pictures[example.position], "uri", ""))
        room -= _PER_EXAMPLE + _PER_BOX * sum(map(len, example.found))
        if pictures[example.position] is None:
            continue
        if room >= 0:
            kept.add((number, example.position))
        else:
            left_out += 1
    shown = {at: picture for at, picture in pictures.items() if picture and any(at == of for _, of in kept)}
    unread = sum(picture is None for picture in pictures.values())
    mine = [_shown(number, pair, kept) for number, pair in enumerate(pairs)]
    return Examples(shown, [pair for pair in mine if pair.groups], truth.category_names, unread, left_out)


def _folder(found: list[DetectorFacts]) -> Path | None:
    data = next((one.entry["files"]["data"] for one in found if "data" in one.entry["files"]), None)
    try:
        return read_split(data, "test").images if data else None
    except UserError:  # a data set that is gone, or moved, has no images to show
        return None


def _in_turn(pairs: list[PairExamples]):
    """(number of the pair, example): the worst of each pair, the best of each, the second worst of each, ..."""
    columns = [examples for pair in pairs for examples in (pair.worst, pair.best)]
    for row in itertools.zip_longest(*columns):
        yield from ((i // 2, example) for i, example in enumerate(row) if example is not None)


def _picture(truth: Annotations, position: int, folder: Path | None, most: int) -> Picture | None:
    image = truth.images[position]
    uri = thumbnail(folder / image.file_name, (image.width, image.height), most) if folder else None
    boxes = [tuple(box) for box in truth.boxes[truth.image_index == position].tolist()]
    return Picture(image.file_name, image.width, image.height, uri, boxes) if uri else None


def _shown(number: int, pair: PairExamples, kept: set[tuple[int, int]]) -> ShownPair:
    groups = [
        (title, [example for example in examples if (number, example.position) in kept])
        for title, examples in (("What lost most", pair.worst), ("What gained most", pair.best))
    ]
    return ShownPair(pair.reference, pair.pruned, [group for group in groups if group[1]])


def short(value: float) -> str:
    """Coordinates for an SVG: to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def as_path(box: Box) -> str:
    """A box as a path."""
    x, y, width, height = map(short, box[:4])
    return f"M{x} {y}h{width}v{height}h-{width}z"
