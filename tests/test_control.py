"""Controls for a layout: as many anchors on each level, drawn at random or fitted by k-means."""

from collections import Counter

import numpy as np
import pytest

from anchorprune.anchors import fitted_head as fitting
from anchorprune.anchors.anchor_sets import anchor_set
from anchorprune.anchors.controls import random_layout
from anchorprune.anchors.fit import fit
from anchorprune.anchors.fitted_head import fitted_head
from anchorprune.anchors.kmeans import kmeans_anchors
from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.heads.cost import cost
from anchorprune.heads.head import Head, Level
from anchorprune.heads.layout import Layout

HEAD = Head(
    "small",
    (160, 128),
    3,
    (
        Level(8, (16, 20), 0, 640, ((10, 10), (20, 8), (6, 30))),
        Level(16, (8, 10), 7, 160, ((24, 24), (30, 15))),
        Level(32, (4, 5), 0, 40, ((60, 60), (120, 40), (40, 120), (90, 90))),
    ),
)
LAYOUT = Layout.keep(HEAD, [0, 2, 5, 8])


def boxes_of(shapes, seed: int = 0, each: int = 40) -> np.ndarray:
    """Boxes of about these widths and heights, anywhere inside the image."""
    generator = np.random.default_rng(seed)
    sizes = np.repeat(np.asarray(shapes, float), each, 0) * generator.uniform(0.95, 1.05, (len(shapes) * each, 2))
    corners = generator.uniform(0, np.array((160, 128)) - sizes)
    return np.concatenate([corners, corners + sizes], 1)


def test_random_layouts_cost_the_same_and_are_all_drawn():
    drawn = [random_layout(LAYOUT, seed) for seed in range(600)]
    assert {layout.anchors_per_level for layout in drawn} == {(2, 0, 2)}
    assert {cost(layout) for layout in drawn} == {cost(LAYOUT)}
    counts = Counter(layout.kept for layout in drawn)
    assert len(counts) == 3 * 6
    assert 15 < min(counts.values()) <= max(counts.values()) < 60  # 33 of each expected
    assert random_layout(LAYOUT, 7) == drawn[7]


def test_kmeans_anchors_lie_on_the_levels_responsible_for_their_boxes():
    groups = [(12, 14), (44, 12), (70, 50), (45, 110)]
    fitted = fitted_head(HEAD, LAYOUT.anchors_per_level, boxes_of(groups), seed=1)
    found = anchor_set(fitted)
    assert found["strides"] == [8, 16, 32]
    assert [len(level) for level in found["levels"]] == [2, 0, 2]
    anchors = [anchor for level in found["levels"] for anchor in level]
    np.testing.assert_allclose(sorted(anchors), sorted(map(list, groups)), rtol=0.05)
    assert fitted_head(HEAD, LAYOUT.anchors_per_level, boxes_of(groups), seed=1) == fitted


def test_anchors_fitted_level_by_level_cover_better_than_those_dealt_out_by_size():
    boxes = boxes_of([(9, 12), (14, 14), (18, 9), (28, 30), (70, 50), (45, 110), (100, 100)])
    sizes = boxes[:, 2:] - boxes[:, :2]
    fitted = fitted_head(HEAD, (3, 2, 4), boxes)
    by_size = kmeans_anchors(sizes, 9)  # the smallest to the finest level, whatever its cells can reach
    parts = np.split(by_size, [3, 5])
    other = Head(
        *("other", HEAD.input_size, 3),
        tuple(
            Level(level.stride, level.grid, 0, 0, tuple(map(tuple, part)))
            for level, part in zip(HEAD.levels, parts, strict=True)
        ),
    )
    assert fit(fitted, boxes).mean_iou > max(fit(other, boxes).mean_iou, fit(HEAD, boxes).mean_iou)


def test_a_level_with_too_few_boxes_takes_the_next_best():
    boxes = boxes_of([(9, 9)], each=20)
    fitted = fitted_head(HEAD, (1, 0, 3), boxes)  # no box is the coarse level's
    assert [len(level.anchors) for level in fitted.levels] == [1, 0, 3]
    assert np.ptp([anchor for level in fitted.levels for anchor in level.anchors]) < 3
    with pytest.raises(UserError, match="3 anchors of 2 different box shapes"):
        fitted_head(HEAD, (1, 0, 3), np.array([[0, 0, 9, 9], [0, 0, 9, 9], [0, 0, 20, 20.0]]))


def test_of_many_boxes_some_are_drawn_by_the_seed(monkeypatch):
    monkeypatch.setattr(fitting, "MOST_BOXES", 100)
    boxes = boxes_of([(9, 12), (44, 12), (70, 50), (45, 110)], each=200)
    extent = np.tile((160.0, 128.0), (len(boxes), 1))
    first, again, other = (fitted_head(HEAD, (2, 1, 2), boxes, extent, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert abs(fit(first, boxes).mean_iou - fit(other, boxes).mean_iou) < 0.05


def test_the_commands(shared_data, run_command, ssd300, tmp_path):
    annotations = shared_data / "coco2017_subset/annotations/instances_val2017.json"
    ssd300.save(tmp_path / "head.json")
    layout = Layout.drop(ssd300, [0, 1, 2, 3, 5, 6])
    layout.save(tmp_path / "layout.json")
    given = (tmp_path / "head.json", tmp_path / "layout.json")
    drawn = run_command("control", "random", *given, "--seed", 3, "--output", tmp_path / "random.json")
    assert drawn.status == 0, drawn.err
    assert Layout.load(tmp_path / "random.json", ssd300) == random_layout(layout, 3)
    assert drawn.json["macs"] == cost(layout).macs
    fitted = run_command("control", "kmeans", *given, annotations, "--output", tmp_path / "kmeans.json")
    assert fitted.status == 0, fitted.err
    assert fitted.json["anchors_per_level"] == [0, 4, 6, 6, 4, 4]
    assert [len(level) for level in read_json(tmp_path / "kmeans.json")["levels"]] == [0, 4, 6, 6, 4, 4]
    again = run_command("anchors", tmp_path / "kmeans.json", annotations, "--input-size", "300,300")
    assert again.json["mean_iou"] == fitted.json["mean_iou"]
    other = run_command("control", "random", tmp_path / "kmeans.json", given[1], "--output", tmp_path / "no.json")
    assert other.status == 2
    assert "version None is not known" in other.error_line
