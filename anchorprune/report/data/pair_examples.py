"""Example images: where two detectors differ most in what they find, for the worse and for the better."""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.coco import read_coco
from anchorprune.heads.detections import SplitDetections
from anchorprune.report.data.detector_facts import DetectorFacts
from anchorprune.report.data.image_aps import image_aps

EACH = 10  # images that lose most, and as many that gain most
LEAST_SCORE, MOST_BOXES = 0.3, 20  # of what is drawn
_DIGITS = 9  # of changes: equal ones stand in the split's order
Box = tuple[float, float, float, float, int, float]  # x, y, w, h in pixels, position of its category, score


@dataclass(frozen=True)
class SeenSplit:
    """What a detector finds on the test split.

    Attributes:
        aps: (I,) float64, AP on each image alone; NaN on one without ground truth.
        found: what scores at least LEAST_SCORE.
    """

    aps: np.ndarray
    found: SplitDetections

    def boxes(self, truth: Annotations, position: int) -> list[Box]:
        """The best MOST_BOXES of an image."""
        mine = self.found.chosen(self.found.image_ids == truth.images[position].id)
        best = np.argsort(-mine.scores, kind="stable")[:MOST_BOXES]
        categories = np.searchsorted(truth.category_ids, mine.category_ids)
        return [(*mine.boxes[k].tolist(), int(categories[k]), float(mine.scores[k])) for k in best]


@dataclass(frozen=True)
class PairExamples:
    """Images by their positions in the test split, the greatest change from detector `first` to `second` first."""

    first: int
    second: int
    worst: list[int]
    best: list[int]


def seen_splits(found: list[DetectorFacts]) -> tuple[Annotations | None, dict[int, SeenSplit]]:
    """The test split, and by their numbers the detectors of the first seed whose detections are among its files."""
    truth, files, result = None, {}, {}
    for number, one in enumerate(found):
        mine = one.entry["files"]
        name = mine.get("detections" if one.entry["method"] else "reference_detections")
        if name is None or "test" not in mine or one.entry["seed"] != found[0].entry["seed"]:
            continue
        truth = truth or read_coco(Path(mine["test"]))
        if name not in files:
            all_of_them = SplitDetections.load(name)
            likely = all_of_them.chosen(all_of_them.scores >= LEAST_SCORE)
            files[name] = SeenSplit(image_aps(truth, all_of_them), likely)
        result[number] = files[name]
    return truth, result


def pair_examples(seen: dict[int, SeenSplit]) -> list[PairExamples]:
    """The examples of every two detectors, `first` < `second`, ranked over all images of the split."""
    return [
        _chosen(i, j, np.round(seen[j].aps - seen[i].aps, _DIGITS)) for i, j in itertools.combinations(sorted(seen), 2)
    ]


def _chosen(first: int, second: int, change: np.ndarray) -> PairExamples:
    order = np.argsort(change, kind="stable")  # NaN last
    worst = [int(i) for i in order if change[i] < 0][:EACH]
    best = sorted((int(i) for i in order if change[i] > 0), key=lambda i: (-change[i], i))[:EACH]
    return PairExamples(first, second, worst, best)
