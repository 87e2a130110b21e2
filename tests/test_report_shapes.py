"""Shapes of predicted boxes: counts against NumPy on a real detector's predictions, outlines, the command."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from oracles.figure_files import check_figure
from running.results import names_in

from anchorprune.anchors.scaling import image_scales
from anchorprune.datasets.coco import read_coco
from anchorprune.errors import UserError
from anchorprune.heads.head import Head, Level
from anchorprune.heads.predictions import Postprocess, Predictions, PredictionsWriter
from anchorprune.report.contents import report_files
from anchorprune.report.data.shapes import PER_OCTAVE, ShapeCounts, count_shapes, level_of_share, smoothed, summary
from anchorprune.report.figures.predicted_shapes import draw_shapes

HEAD = Head("two", (100, 100), 1, (Level(8, (12, 12), 0, 1, ((16.0, 8.0),)), Level(16, (6, 6), 0, 1, ((64.0, 64.0),))))


@pytest.fixture
def predicted(tmp_path):
    """Predictions on two images of other sizes than the input's 100 x 100, and the annotations."""
    images = [{"id": i, "file_name": f"{i}.jpg", "width": w, "height": h} for i, w, h in ((3, 200, 100), (5, 100, 50))]
    truth = {"images": images, "annotations": [], "categories": [{"id": 1, "name": "thing"}]}
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    with PredictionsWriter(tmp_path / "predictions.parquet", HEAD, Postprocess(0.05, 0.5), {}) as writer:
        writer.add(3, [1, 1], [0, 1], [0.9, 0.3], [[0, 0, 40, 20], [0, 0, 200, 100]])
        writer.add(5, [1, 1], [0, 0], [0.5, 0.1], [[10, 10, 30, 20], [10, 10, 10, 20]])
    return tmp_path / "predictions.parquet", tmp_path / "truth.json"


def place(size):
    """The bin of a width or height in input pixels; below a pixel, the first."""
    return int(np.log2(max(size, 1)) * PER_OCTAVE + 1e-6)


def counted(shapes, anchor):
    """(bin of the width, bin of the height) of each box counted, ascending."""
    cells = np.argwhere(shapes.counts[anchor])
    return [tuple(cell) for cell in cells.tolist() for _ in range(shapes.counts[anchor][tuple(cell)])]


@pytest.mark.parametrize(
    ("keep_ratio", "first", "second"),
    [
        (False, [(0, 20), (20, 20), (20, 20)], [(100, 100)]),  # both images are stretched to the input
        (True, [(0, 10), (20, 10), (20, 10)], [(100, 50)]),  # both become 100 x 50
    ],
)
def test_boxes_are_counted_in_input_pixels(predicted, keep_ratio, first, second):
    shapes = count_shapes(Predictions.open(predicted[0]), read_coco(predicted[1]), keep_ratio)
    for anchor, sizes in enumerate((first, second)):
        assert counted(shapes, anchor) == [(place(w), place(h)) for w, h in sizes]


def test_only_scores_from_the_lowest_wanted_count(predicted):
    opened, truth = Predictions.open(predicted[0]), read_coco(predicted[1])
    totals = [count_shapes(opened, truth, min_score=score).counts.sum((1, 2)).tolist() for score in (0.1, 0.3, 0.6, 1)]
    assert totals == [[3, 1], [2, 1], [1, 0], [0, 0]]


def test_an_image_without_annotations_is_named(predicted):
    truth = json.loads(predicted[1].read_text())
    truth["images"][1]["id"] = 4
    predicted[1].write_text(json.dumps(truth))
    with pytest.raises(UserError, match=r"predictions.parquet: image 5 is not in the annotations"):
        count_shapes(Predictions.open(predicted[0]), read_coco(predicted[1]))


def real(shared_data):
    truth = read_coco(shared_data / "coco2017_subset/annotations/instances_val2017.json")
    return Predictions.open(shared_data / "predictions/yolov5n_coco_val206.parquet"), truth


def test_a_file_in_parts_is_the_file(shared_data):
    opened, _ = real(shared_data)
    whole, parts = opened.load(), list(opened.batches(10_000))
    assert len(parts) == -(-opened.num_rows // 10_000)
    for name in ("image_id", "category_id", "anchor", "score", "boxes"):
        np.testing.assert_array_equal(np.concatenate([getattr(part, name) for part in parts]), getattr(whole, name))


def test_bad_rows_of_a_later_part_have_their_number(tmp_path):
    with PredictionsWriter(tmp_path / "p.parquet", HEAD, Postprocess(0.05, 0.5), {}) as writer:
        writer.add(1, [1] * 5, [0, 0, 0, 0, 2], [0.5] * 5, np.zeros((5, 4)))
    with pytest.raises(UserError, match=r"row 4 has an anchor outside the head"):
        list(Predictions.open(tmp_path / "p.parquet").batches(2))


def test_counts_of_a_real_detector(shared_data):
    opened, truth = real(shared_data)
    shapes = count_shapes(opened, truth, keep_ratio=True)
    rows = opened.load()
    factor = image_scales(truth, (640, 640), True)[1][np.searchsorted(truth.image_ids, rows.image_id)]
    size = np.log2(np.maximum((rows.boxes[:, 2:] - rows.boxes[:, :2]) * factor, 1))
    for anchor in range(9):
        edges = [*shapes.edges[:-1], np.inf]
        expected = np.histogram2d(*size[rows.anchor == anchor].T, bins=(edges, edges))[0]
        np.testing.assert_array_equal(shapes.counts[anchor], expected)
    for row in summary(shapes):  # a YOLO's boxes are at most four times their anchor
        assert row["boxes"] > 1000
        assert row["median_width"] < 4 * row["width"]
    assert [ax.get_title() for ax in draw_shapes(shapes, [1]).axes if ax.get_title()] == [
        "level 1, stride 16: 64,664 boxes"
    ]


def test_outlines_hold_their_share():
    """Of a Gaussian cloud, half lies within sqrt(2 ln 2) standard deviations."""
    x = np.arange(120) - 60.0
    density = np.exp(-0.5 * (x[:, None] ** 2 + x**2) / 10**2)
    level = level_of_share(density, 0.5)
    assert density[density >= level].sum() / density.sum() == pytest.approx(0.5, abs=0.005)
    assert np.sqrt((density >= level).sum() / np.pi) == pytest.approx(10 * np.sqrt(2 * np.log(2)), rel=0.01)


def test_smoothing_keeps_the_boxes():
    counts = np.zeros((60, 60), np.int64)
    counts[20:40, 25:30] = np.random.default_rng(0).integers(0, 50, (20, 5))
    counts[59, 0] = 7
    found = smoothed(counts)
    assert found.sum() == pytest.approx(counts.sum())
    assert found.max() < counts.max()
    alone = np.zeros((60, 60), np.int64)
    alone[30, 30] = 5  # no spread: the narrowest Gaussian
    assert smoothed(alone).argmax() == alone.argmax()


def test_smoothing_is_the_same_on_one_thread_and_on_two():
    program = (
        "import sys, numpy as np\n"
        "from anchorprune.report.data.shapes import smoothed\n"
        "counts = np.random.default_rng(0).integers(0, 50, (108, 108))\n"
        "sys.stdout.buffer.write(smoothed(counts).tobytes())\n"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
        ).stdout
        for threads in ("1", "2")
    ]
    assert len(found[0]) == 108 * 108 * 8
    assert found[0] == found[1]


def test_positions_are_rounded_so_that_the_files_are_the_same_each_time():
    """Two layouts, as of two formats; what the solver leaves in the last bits is gone after each."""
    figure = draw_shapes(ShapeCounts(HEAD, np.arange(25) / PER_OCTAVE, np.ones((2, 24, 24), np.int64), 0.0))
    for dpi in (72, 160):
        figure.set_dpi(dpi)
        figure.draw_without_rendering()
        positions = np.array([ax.get_position(original=True).extents for ax in figure.axes])
        assert (positions == positions.round(9)).all()
        assert len(np.unique(positions, axis=0)) == len(positions) == 6
        assert all(ax.get_in_layout() for ax in figure.axes)


def test_anchors_without_boxes_are_drawn():
    empty = ShapeCounts(HEAD, np.arange(25) / PER_OCTAVE, np.zeros((2, 24, 24), np.int64), 0.0)
    assert len(draw_shapes(empty).axes) == 6
    assert summary(empty)[1] == {
        "level": 1,
        "width": 64.0,
        "height": 64.0,
        "boxes": 0,
        "median_width": None,
        "median_height": None,
    }


def test_the_command(predicted, run_command, tmp_path):
    done = run_command("shapes", *predicted, "--keep-ratio", "--min-score", 0.3, "--output", tmp_path / "out")
    assert done.status == 0, done.err
    assert [row["boxes"] for row in done.json["anchors"]] == [2, 1]
    assert done.json["anchors"][0]["median_width"] == pytest.approx(20, rel=1 / PER_OCTAVE)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["shapes.pdf", "shapes.png", "shapes.svg"]
    titles = {"level 0, stride 8: 2 boxes", "level 1, stride 16: 1 boxes"}
    assert titles < set(check_figure(tmp_path / "out", "shapes"))
    done = run_command("shapes", *predicted, "--level", 2, "--output", tmp_path / "no")
    assert done.status == 2
    assert "no anchors on a level 2; the head has 2 levels" in done.error_line
    assert not (tmp_path / "no").exists()


@pytest.mark.long
def test_the_report_of_a_real_detector(shared_data, run_command, tmp_path):
    predictions = shared_data / "predictions/yolov5n_coco_val206.parquet"
    truth = shared_data / "coco2017_subset/annotations/instances_val2017.json"
    Predictions.open(predictions).head.save(tmp_path / "head.json")
    entries = []
    for method in ("greedy",):
        options = ("--method", method, "--max-subsets", 60, "--resamples", 0, "--budget", 0.4, "--threads", 1)
        done = run_command("search", predictions, truth, *options, "--output", tmp_path / method)
        assert done.status == 0, done.err
        files = {"head": str(tmp_path / "head.json"), "predictions": str(predictions), "annotations": str(truth)}
        files |= {k: str(tmp_path / method / k) for k in ("evaluated.parquet", "front.csv", "layout-0.4.json")}
        files = {name.split(".")[0].split("-")[0]: path for name, path in files.items()}
        names = {"experiment": "real", "detector": "yolov5n", "dataset": "coco", "anchor_set": "its-own", "seed": 0}
        entries.append({**names, "method": method, "budget": 0.4, "files": files})
    (tmp_path / "manifest.json").write_text(json.dumps(entries))
    done = run_command("report", tmp_path / "manifest.json", "--output", tmp_path / "report")
    assert done.status == 0, done.err
    assert names_in(tmp_path / "report") == sorted(report_files(entries))
    shown = check_figure(tmp_path / "report", "shapes-real_its-own")
    titles = [text for text in shown if text.startswith("level ")]
    assert [title.partition(":")[0] for title in titles] == [
        "level 0, stride 8",
        "level 1, stride 16",
        "level 2, stride 32",
    ]
    boxes = sum(int(title.partition(": ")[2].removesuffix(" boxes").replace(",", "")) for title in titles)
    assert boxes == Predictions.open(predictions).num_rows
    assert "anchor's shape" in shown
    assert ",0.30" in (tmp_path / "report/table-real.csv").read_text()  # METHOD: three anchors reach AP 0.306
