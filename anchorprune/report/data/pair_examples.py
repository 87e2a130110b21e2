"""Example images: where pruning a detector changed most what is found, for the worse and for the better."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.coco import read_coco
from anchorprune.heads.detections import SplitDetections
from anchorprune.report.data.detector_facts import DetectorFacts, is_reference
from anchorprune.report.data.image_aps import image_aps
from anchorprune.report.data.manifest import is_pruned

EACH = 10  # images that lose most, and as many that gain most
LEAST_SCORE, MOST_BOXES = 0.3, 20  # of what is drawn
Box = tuple[float, float, float, float, int, float]  # x, y, w, h in pixels, position of its category, score


@dataclass(frozen=True)
class ExampleImage:
    """An image of the test split.

    Attributes:
        position: in the split.
        aps: AP on it alone, of the unpruned detector and of the pruned one.
        found: boxes of both, of a score of at least LEAST_SCORE, the best MOST_BOXES.
    """

    position: int
    aps: tuple[float, float]
    found: tuple[list[Box], list[Box]]

    @property
    def change(self) -> float:
        return self.aps[1] - self.aps[0]


@dataclass(frozen=True)
class PairExamples:
    """The images of a pruned detector, the greatest change first; it and its unpruned one by their numbers."""

    reference: int
    pruned: int
    worst: list[ExampleImage]
    best: list[ExampleImage]


def pair_examples(found: list[DetectorFacts]) -> tuple[Annotations | None, list[PairExamples]]:
    """The test split, and examples of each pruned detector of the first seed whose detections are among its files.

    Detectors are compared with the unpruned one that was trained as long.
    """
    truth, detections, result = None, {}, []
    for j, one in enumerate(found):
        files = one.entry["files"]
        i = next((i for i, other in enumerate(found) if is_reference(other, one)), None)
        known = {"test", "detections", "reference_detections"} <= files.keys()
        if i is None or not known or not is_pruned(one.entry) or one.entry["seed"] != found[0].entry["seed"]:
            continue
        truth = truth or read_coco(Path(files["test"]))
        both = [files["reference_detections"], files["detections"]]
        for name in both:
            detections[name] = detections.get(name) or SplitDetections.load(name)
        result.append(PairExamples(i, j, *_chosen(truth, *(detections[name] for name in both))))
    return truth, result


def _chosen(truth: Annotations, first: SplitDetections, second: SplitDetections) -> tuple[list[ExampleImage], ...]:
    aps = image_aps(truth, first, second)
    change = aps[1] - aps[0]
    order = np.argsort(change, kind="stable")  # NaN last
    worst = [i for i in order if change[i] < 0][:EACH]
    best = sorted((i for i in order if change[i] > 0), key=lambda i: (-change[i], i))[:EACH]
    return tuple([_example(truth, int(i), aps, (first, second)) for i in chosen] for chosen in (worst, best))


def _example(truth: Annotations, i: int, aps: np.ndarray, both: tuple[SplitDetections, ...]) -> ExampleImage:
    found = tuple(_boxes(truth, one, truth.images[i].id) for one in both)
    return ExampleImage(i, (float(aps[0, i]), float(aps[1, i])), found)


def _boxes(truth: Annotations, found: SplitDetections, image: int) -> list[Box]:
    mine = found.chosen((found.image_ids == image) & (found.scores >= LEAST_SCORE))
    best = np.argsort(-mine.scores, kind="stable")[:MOST_BOXES]
    categories = np.searchsorted(truth.category_ids, mine.category_ids)
    return [(*mine.boxes[k].tolist(), int(categories[k]), float(mine.scores[k])) for k in best]
