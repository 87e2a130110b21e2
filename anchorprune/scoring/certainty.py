"""How sure the AP of a finished detector is: bootstrap intervals from the detections of two detectors."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.heads.detections import SplitDetections
from anchorprune.heads.head import Head, Level
from anchorprune.heads.predictions import Postprocess, Predictions, PredictionsWriter
from anchorprune.scoring.bootstrap import INTERVAL, RESAMPLES, Bootstrap, Difference
from anchorprune.scoring.scorer import Scorer

# Each detector stands for one anchor; what it gives out has been through its post-processing already.
_TWO = Head("two detectors", (1, 1), 1, (Level(1, (1, 1), 0, 0, ((1.0, 1.0), (1.0, 1.0))),))
_NOTHING_MORE = Postprocess(score_threshold=-1.0, nms_iou=2.0, nms_pre=None, max_per_image=-1, min_size=-1.0)


@dataclass(frozen=True)
class Certainty:
    """95 % intervals over resamples of the images, the same ones for both detectors.

    Attributes:
        first: (low, high) of the first detector's AP.
        second: of the second's.
        difference: the first's AP less the second's.
    """

    first: tuple[float, float]
    second: tuple[float, float]
    difference: Difference


def certainty(
    truth: Annotations,
    first: SplitDetections,
    second: SplitDetections,
    resamples: int = RESAMPLES,
    seed: int = 0,
    threads: int | None = None,
) -> Certainty | None:
    """Intervals of two detectors' APs on the same images; None where neither found anything.

    Args:
        truth: the ground truth of the split.
        first: detections of a detector.
        second: of another detector, or of the same.
        resamples: number of resamples.
        seed: of their draw.
        threads: None: every core this process may use.
    """
    if not (first or second):
        return None
    bootstrap = Bootstrap(two_detectors(truth, first, second, threads), resamples, seed)
    aps = [bootstrap.aps([0]), bootstrap.aps([1])]
    intervals = [tuple(np.percentile(ap, INTERVAL).tolist()) for ap in aps]
    return Certainty(*intervals, bootstrap.difference([0], [1], aps[1]))


def interval(truth: Annotations, found: SplitDetections, threads: int | None = None) -> tuple[float, float]:
    """95 % interval of a detector's AP over resamples of the images; -1 twice where there is no ground truth.

    Args:
        truth: the ground truth of the split.
        found: its detections.
        threads: None: every core this process may use.
    """
    if not len(truth.ids):
        return -1.0, -1.0
    if not len(found):
        return 0.0, 0.0
    aps = Bootstrap(two_detectors(truth, found, found.chosen(slice(0)), threads)).aps([0])
    low, high = np.percentile(aps[aps >= 0], INTERVAL)
    return float(low), float(high)


def two_detectors(
    truth: Annotations,
    first: SplitDetections,
    second: SplitDetections,
    threads: int | None = None,
) -> Scorer:
    """A scorer whose anchor 0 is the first detector and whose anchor 1 is the second; see `certainty`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "detections.parquet"
        _write(file, truth, (first, second))
        return Scorer(Predictions.open(file), truth, threads)


def _write(file: Path, truth: Annotations, both: Sequence[SplitDetections]) -> None:
    found = [_by_image(one) for one in both]
    with PredictionsWriter(file, _TWO, _NOTHING_MORE, {}) as writer:
        for image in truth.image_ids.tolist():
            here = [one.chosen(slice(*np.searchsorted(one.image_ids, (image, image + 1)))) for one in found]
            which = np.repeat((0, 1), [len(one) for one in here])
            boxes, categories, scores = (
                np.concatenate([getattr(one, name) for one in here]) for name in ("boxes", "category_ids", "scores")
            )
            boxes[:, 2:] += boxes[:, :2]
            writer.add(image, categories, which, scores, boxes)


def _by_image(found: SplitDetections) -> SplitDetections:
    return found.chosen(np.argsort(found.image_ids, kind="stable"))
