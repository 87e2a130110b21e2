"""The figures of a model card: intervals from detections, Markdown that says no more than it should."""

import numpy as np
import pytest

from anchorprune.datasets.annotations import Annotations, Image
from anchorprune.heads.detections import SplitDetections
from anchorprune.metrics.coco_eval import coco_figures
from anchorprune.report.card import plain
from anchorprune.scoring.certainty import certainty

IMAGES = 12
NOTHING = SplitDetections.from_rows([])


@pytest.fixture(scope="module")
def truth() -> Annotations:
    """Twelve images with two boxes each, of two categories with ids of their own."""
    rng = np.random.default_rng(0)
    count = 2 * IMAGES
    boxes = np.concatenate([rng.uniform(0, 50, (count, 2)), rng.uniform(20, 50, (count, 2))], 1)
    return Annotations(
        images=tuple(Image(10 + i, f"{i}.png", 128, 128) for i in range(IMAGES)),
        category_ids=np.array([3, 8], np.int32),
        category_names=("a", "b"),
        ids=np.arange(1, count + 1),
        image_index=np.arange(count, dtype=np.int32) // 2,
        category_index=np.arange(count, dtype=np.int32) % 2,
        boxes=boxes,
        area=boxes[:, 2] * boxes[:, 3],
        iscrowd=np.zeros(count, bool),
    )


def detections(truth, seed, spread):
    """The boxes of the truth, shifted at random; some doubled, so that a further NMS would take them away."""
    rng = np.random.default_rng(seed)
    found = []
    for i in [*range(len(truth.ids)), 0, 5]:
        x, y, w, h = truth.boxes[i] + rng.uniform(-spread, spread, 4)
        image = int(truth.image_ids[truth.image_index[i]])
        category = int(truth.category_ids[truth.category_index[i]])
        found.append({"image_id": image, "category_id": category, "bbox": [x, y, w, h], "score": rng.uniform(0.1, 1)})
    return SplitDetections.from_rows(found)


def test_intervals_hold_cocos_ap(truth):
    first, second = detections(truth, 1, 2), detections(truth, 2, 6)
    sure = certainty(truth, first, second)
    ap = [coco_figures(truth, found)["ap"] for found in (first, second)]
    assert sure.difference.ap == pytest.approx(ap[0] - ap[1], abs=1e-9)
    assert sure.first[0] < ap[0] < sure.first[1]
    assert sure.second[0] < ap[1] < sure.second[1]
    assert sure.difference.low > 0  # the better one is better on any twelve of these images


def test_a_detector_differs_from_itself_by_nothing(truth):
    found = detections(truth, 1, 4)
    sure = certainty(truth, found, found)
    assert (sure.difference.ap, sure.difference.low, sure.difference.high) == (0, 0, 0)
    assert sure.first == sure.second


def test_nothing_found(truth):
    assert certainty(truth, NOTHING, NOTHING) is None
    assert certainty(truth, detections(truth, 1, 2), NOTHING).second == (0, 0)


def test_names_cannot_change_a_card():
    assert plain("a_b|<script>\n# c") == "a\\_b\\|\\<script\\> \\# c"
