"""Fit of anchors to boxes, against every cell tried in turn."""

import json
from dataclasses import replace

import numpy as np
import pytest

from anchorprune.anchors.anchor_sets import read_anchor_set
from anchorprune.anchors.fit import THRESHOLDS, best_overlaps, fit
from anchorprune.anchors.kmeans import kmeans_anchors, shape_overlaps
from anchorprune.anchors.scaling import scaled_boxes
from anchorprune.datasets.annotations import Annotations, Image
from anchorprune.errors import UserError
from anchorprune.heads.head import Head, Level

HEAD = Head(
    "small",
    (96, 64),
    3,
    (
        Level(8, (8, 12), 0, 0, ((10, 10), (20, 7.5), (6, 30))),
        Level(16, (4, 6), 0, 0, ()),
        Level(32, (2, 3), 0, 0, ((40, 40), (90, 30))),
    ),
)


def random_boxes(seed: int, count: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    middle = generator.uniform((0, 0), (96, 64), (count, 2))
    size = np.exp(generator.uniform(0, 5, (count, 2)))
    return np.concatenate([middle - size / 2, middle + size / 2], 1)


def overlap(a, b) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def by_trying_every_cell(boxes, center, grids) -> np.ndarray:
    result = []
    for m, box in enumerate(boxes):
        row = []
        for level, (rows, columns) in zip(HEAD.levels, grids(m), strict=True):
            for w, h in level.anchors:
                places = [
                    ((x + center) * level.stride, (y + center) * level.stride)
                    for y in range(rows)
                    for x in range(columns)
                ]
                row.append(max(overlap(box, (x - w / 2, y - h / 2, x + w / 2, y + h / 2)) for x, y in places))
        result.append(row)
    return np.array(result)


@pytest.mark.parametrize("center", [0, 0.5])
def test_best_overlaps_are_those_of_every_cell_tried(center):
    boxes = random_boxes(0, 60)
    expected = by_trying_every_cell(boxes, center, lambda m: [level.grid for level in HEAD.levels])
    np.testing.assert_allclose(best_overlaps(replace(HEAD, center=center), boxes), expected, rtol=0, atol=1e-12)
    found = fit(replace(HEAD, center=center), boxes)
    best = expected.max(1)
    assert found.boxes == 60
    assert found.recall_50 == (best >= 0.5).mean()
    assert found.recall == pytest.approx(np.mean([(best >= t).mean() for t in THRESHOLDS]))
    assert found.mean_iou == pytest.approx(best.mean())
    np.testing.assert_allclose(found.share, np.bincount(expected.argmax(1), minlength=5) / 60)


def test_images_of_their_own_size_have_grids_of_their_own():
    boxes = random_boxes(1, 30)
    extent = np.random.default_rng(2).uniform(20, 96, (30, 2))

    def grids(m):
        return [tuple(int(-(-extent[m, axis] // level.stride)) for axis in (1, 0)) for level in HEAD.levels]

    expected = by_trying_every_cell(boxes, 0.5, grids)
    np.testing.assert_allclose(best_overlaps(HEAD, boxes, extent), expected, rtol=0, atol=1e-12)


def truth(boxes, crowd) -> Annotations:
    n = len(boxes)
    return Annotations(
        images=(Image(1, "a", 200, 100), Image(2, "b", 50, 100)),
        category_ids=np.array([1], np.int32),
        category_names=("thing",),
        ids=np.arange(n),
        image_index=np.array([i % 2 for i in range(n)], np.int32),
        category_index=np.zeros(n, np.int32),
        boxes=np.array(boxes, np.float64).reshape(-1, 4),
        area=np.ones(n),
        iscrowd=np.array(crowd, bool),
    )


def test_boxes_are_scaled_as_the_images_are():
    data = truth([[20, 10, 40, 50], [10, 20, 30, 40], [0, 0, 9, 9], [1, 1, 0, 5]], [False, False, True, False])
    boxes, extent = scaled_boxes(data, (100, 100), keep_ratio=False)
    assert extent is None
    np.testing.assert_allclose(boxes, [[10, 10, 30, 60], [20, 20, 80, 60]])
    boxes, extent = scaled_boxes(data, (100, 60), keep_ratio=True)
    np.testing.assert_allclose(boxes, [[10, 5, 30, 30], [10, 20, 40, 60]])
    np.testing.assert_allclose(extent, [[100, 50], [50, 100]])
    with pytest.raises(UserError, match="no boxes to fit anchors to"):
        fit(HEAD, np.zeros((0, 4)))


def test_kmeans_finds_groups_that_are_there_and_repeats_itself():
    generator = np.random.default_rng(3)
    groups = np.array([[10, 10], [40, 20], [30, 90], [200, 150]])
    shapes = np.concatenate([group * generator.uniform(0.97, 1.03, (50, 2)) for group in groups])
    found = kmeans_anchors(shapes, 4, seed=1)
    np.testing.assert_allclose(found, groups, rtol=0.02)
    assert np.array_equal(found, kmeans_anchors(shapes, 4, seed=1))
    # no box is nearer to another anchor's mean than to that of its own group
    assert (shape_overlaps(shapes, found).argmax(1) == np.repeat(range(4), 50)).all()


def test_kmeans_at_its_limits():
    shapes = np.array([[1, 2], [1, 2], [3, 4]])
    assert kmeans_anchors(shapes, 2).tolist() == [[1, 2], [3, 4]]
    with pytest.raises(UserError, match="3 anchors of 2 different box shapes; ask for 1 to 2"):
        kmeans_anchors(shapes, 3)


@pytest.mark.parametrize(
    "text",
    [
        '{"strides": [8]}',
        "[]",
        "3",
        '{"strides": [], "levels": []}',
        '{"strides": [8], "levels": [[[1, 2, 3]]]}',
        '{"strides": [8], "levels": [[["a", 2]]]}',
        '{"strides": [8], "levels": [[[0, 2]]]}',
        '{"strides": [8], "levels": [[[NaN, 2]]]}',
        '{"strides": [8.5], "levels": [[[1, 2]]]}',
        '{"strides": "8", "levels": [[[1, 2]]]}',
    ],
)
def test_a_file_that_is_no_anchor_set_is_one_line(tmp_path, text):
    (tmp_path / "anchors.json").write_text(text)
    with pytest.raises(UserError, match=r"anchors.json: is no anchor set; it must be") as error:
        read_anchor_set(tmp_path / "anchors.json")
    assert "\n" not in str(error.value)


def test_the_command_on_real_boxes(shared_data, run_command, ssd300, tmp_path):
    annotations = shared_data / "coco2017_subset/annotations/instances_val2017.json"
    ssd300.save(tmp_path / "head.json")
    whole = run_command("anchors", tmp_path / "head.json", annotations)
    assert whole.status == 0, whole.err
    assert whole.json["anchors_per_level"] == [4, 6, 6, 6, 4, 4]
    assert sum(whole.json["share"]) == pytest.approx(1)
    fitted = run_command(
        *("anchors", tmp_path / "head.json", annotations),
        *("--kmeans", "4,6,6,6,4,4", "--output", tmp_path / "kmeans.json"),
    )
    assert fitted.status == 0, fitted.err
    assert fitted.json["mean_iou"] > whole.json["mean_iou"]  # the fixture's anchors are squares of a stride
    again = run_command("anchors", tmp_path / "kmeans.json", annotations, "--input-size", "300,300")
    assert again.json == fitted.json
    written = json.loads((tmp_path / "kmeans.json").read_text())
    assert [len(level) for level in written["levels"]] == [4, 6, 6, 6, 4, 4]
    wrong = run_command("anchors", tmp_path / "kmeans.json", annotations)
    assert wrong.status == 2
    assert "give --input-size W,H" in wrong.error_line
