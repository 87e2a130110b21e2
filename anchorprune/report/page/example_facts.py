"""What the page's script draws the example images of any two detectors from: boxes as whole numbers."""

from typing import Any

from anchorprune.datasets.annotations import Annotations
from anchorprune.report.data.pair_examples import Box, PairExamples, SeenSplit
from anchorprune.report.page.thumbnails import Picture

BYTES_PER_PAIR = 90  # about
_PER_BOX, _PER_DETECTOR, _PER_PICTURE = 22, 12, 60


def facts_of_examples(
    truth: Annotations, seen: dict[int, SeenSplit], pairs: list[PairExamples], pictures: dict[int, Picture]
) -> dict[str, Any]:
    """What JSON can hold of an experiment's examples.

    Args:
        truth: the test split.
        seen: what each detector finds on it.
        pairs: examples of every two detectors.
        pictures: by position, those that the page has.

    Returns:
        `pictures`: position, file's name, width, height and ground truth (x, y, width, height of each box) of each;
        `seen`: of each detector, for each picture, AP and boxes (x, y, width, height, class, percent of the score);
        `pairs`, "i j" -> places among the pictures of what lost most from detector i to j, and of what gained most,
        in order, -1 for what has no picture; names of the `classes`.
    """
    places = {position: place for place, position in enumerate(pictures)}
    return {
        "pictures": [
            [position, one.name, one.width, one.height, [round(number) for box in one.truths for number in box]]
            for position, one in pictures.items()
        ],
        "seen": {
            number: [
                [
                    round(float(one.aps[position]), 3),
                    [number for box in one.boxes(truth, position) for number in _numbers(box)],
                ]
                for position in pictures
            ]
            for number, one in seen.items()
        },
        "pairs": {
            f"{pair.first} {pair.second}": [[places.get(at, -1) for at in part] for part in (pair.worst, pair.best)]
            for pair in pairs
        },
        "classes": list(truth.category_names),
    }


def bytes_of_facts(truth: Annotations, seen: dict[int, SeenSplit], position: int) -> int:
    """About as many as a picture adds to the facts."""
    boxes = sum(len(one.boxes(truth, position)) for one in seen.values())
    return _PER_PICTURE + _PER_DETECTOR * len(seen) + _PER_BOX * (boxes + int((truth.image_index == position).sum()))


def _numbers(box: Box) -> list[int]:
    return [*map(round, box[:4]), box[4], round(100 * box[5])]
