"""Ground truth is what the file says: every figure is that of pycocotools reading the original file, however odd."""

import csv
import json
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import pytest
from oracles.original_file import NAMES, detections_near, figures_of_file, file_with, plain_file
from pycocotools import mask

from anchorprune.anchors.scaling import scaled_boxes
from anchorprune.datasets.coco import read_coco
from anchorprune.detectors.evaluate import evaluate
from anchorprune.detectors.training import check_boxes
from anchorprune.errors import UserError
from anchorprune.heads.detections import Detections, SplitDetections
from anchorprune.heads.head import Head, Level
from anchorprune.heads.predictions import Postprocess, Predictions, PredictionsWriter
from anchorprune.metrics.coco_eval import coco_figures
from anchorprune.scoring import Scorer
from anchorprune.scoring.matching import overlap

HEAD = Head("near", (160, 120), 3, (Level(8, (15, 20), 5, 100, tuple((8.0 * n, 16.0) for n in range(1, 5))),))
EVERY_ROW = Postprocess(0.0, 2.0, None, -1, -1)  # nothing is suppressed: detections are the rows


def boxes(*odd, of_each=3, **fields):
    """Add boxes, some of them in every image and of every category; area as COCO's own tools compute it."""

    def spoil(data):
        images, categories = ([record["id"] for record in data[key]] for key in ("images", "categories"))
        for n in range(of_each * len(odd)):
            x, y, w, h = odd[n % len(odd)]
            record = {"id": 1000 + n, "image_id": images[n % len(images)], "category_id": categories[n % 3]}
            data["annotations"].append({**record, "bbox": [x, y, w, h], "area": w * h, "iscrowd": 0, **fields})

    return spoil


def renumber(number: Callable[[int], int]):
    def spoil(data):
        for n, record in enumerate(data["annotations"]):
            record["id"] = number(n)

    return spoil


def crowds(data):
    for record in data["annotations"][::3]:
        record["iscrowd"] = 1


def double(data):
    data["annotations"] += [{**record, "id": 500 + record["id"]} for record in data["annotations"][::2]]


def images_without_boxes(data):
    data["images"] += [{"id": n, "file_name": f"e{n}.jpg", "width": 50, "height": 50} for n in (0, 1, 2**33)]


def category_without_boxes(data):
    data["annotations"] = [record for record in data["annotations"] if record["category_id"] != 2]


def shuffled(data):
    rng = np.random.default_rng(3)
    for key in data:
        data[key] = [data[key][i] for i in rng.permutation(len(data[key]))]


# What is odd about a file, and whether it changes the AP of the plain one with the same detections.
CASES = {
    "nothing odd": (lambda data: None, False),
    "no width": (boxes([20, 20, 0, 10]), True),
    "no height": (boxes([20, 20, 10, 0]), True),
    "neither": (boxes([20, 20, 0, 0]), True),
    "negative width, negative area": (boxes([20, 20, -10, 10]), False),  # in no range of areas: pycocotools ignores it
    "negative width, area above zero": (boxes([20, 20, -10, 10], area=100), True),
    "negative width and height": (boxes([20, 20, -10, -10]), True),
    "outside": (boxes([160, 10, 9, 9], [10, 120, 9, 9], [-30, 10, 30, 9], [500, 500, 9, 9]), True),
    "partly outside": (boxes([150, 110, 40, 40], [-20, -20, 40, 40]), True),
    "single pixel": (boxes([20, 20, 1, 1], [31, 31, 1, 1]), True),
    "area of another size": (boxes([20, 20, 10, 10], area=96.5**2), True),
    "area above every range": (boxes([20, 20, 10, 10], area=2e10), True),  # ignored, and so is what finds it
    "crowds": (crowds, True),
    "crowds of no size": (boxes([20, 20, 0, 10], iscrowd=1), False),
    "ids from 0": (renumber(lambda n: n), True),
    "ids above 2**31": (renumber(lambda n: 2**31 + n), False),
    "ids above 2**53": (renumber(lambda n: 2**53 + n), False),
    "negative ids": (renumber(lambda n: -1 - n), False),
    "category without boxes": (category_without_boxes, True),
    "images without boxes": (images_without_boxes, False),
    "the same box twice": (double, True),
    "in no order": (shuffled, False),
}


def predictions_of(path: Path, rows: list[dict]) -> Path:
    """Rows as a predictions file."""
    with PredictionsWriter(path, HEAD, EVERY_ROW, {}) as writer:
        for image in dict.fromkeys(row["image_id"] for row in rows):
            mine = [row for row in rows if row["image_id"] == image]
            corners = [[x, y, x + w, y + h] for x, y, w, h in (row["bbox"] for row in mine)]
            columns = ([row[key] for row in mine] for key in ("category_id", "anchor", "score"))
            writer.add(image, *columns, corners)
    return path


@dataclass(frozen=True)
class Told:
    """A detector that finds what it is told."""

    rows: list[dict]
    classes: tuple[str, ...]
    head: Head = HEAD
    source: Path = Path("told")

    def detections(self, annotations, images):
        for image in read_coco(annotations).images:
            mine = [row for row in self.rows if row["image_id"] == image.id]
            corners = np.array([[x, y, x + w, y + h] for x, y, w, h in (row["bbox"] for row in mine)]).reshape(-1, 4)
            labels = np.array([row["category_id"] - 1 for row in mine], np.int64)
            yield image.id, Detections(corners, np.array([row["score"] for row in mine]), labels, (120, 160))


def equal(found, expected):
    assert [float(found[name]) for name in NAMES] == pytest.approx([expected[n] for n in NAMES], rel=0, abs=1e-9)


def check_everything(tmp_path, run_command, original: Path, oracle: Path, rows: list[dict]) -> dict[str, float]:
    """`score`, the front of `search` and `evaluate` on a file give what pycocotools does, which is returned."""
    expected = figures_of_file(oracle, rows)
    predictions = predictions_of(tmp_path / "predictions.parquet", rows)
    equal(run_command("score", predictions, original).json, expected)
    search = ("search", predictions, original, "--method", "exhaustive", "--resamples", 0)
    done = run_command(*search, "--report", predictions, original, "--output", tmp_path / "search")
    assert done.status == 0, done.err
    with (tmp_path / "search/front.csv").open() as file:
        front = list(csv.DictReader(file))
    assert front
    for row in front:
        kept = set(map(int, row["kept"].split()))
        one = figures_of_file(oracle, [r for r in rows if r["anchor"] in kept])
        equal(row, one)
        assert float(row["ap_report"]) == pytest.approx(one["ap"], abs=1e-9)
    classes = tuple(sorted(record["name"] for record in json.loads(original.read_text())["categories"]))
    equal(evaluate(Told(rows, classes), original, tmp_path, tmp_path / "evaluate", {}), expected)
    return expected


@pytest.mark.parametrize("name", CASES)
def test_every_figure_is_that_of_the_original_file(name, tmp_path, run_command):
    spoil, changes = CASES[name]
    plain = plain_file(tmp_path / "plain.json")
    original = file_with(tmp_path / "odd.json", spoil, plain)
    rows = detections_near(plain if len(json.loads(original.read_text())["annotations"]) < 40 else original)
    expected = check_everything(tmp_path, run_command, original, original, rows)
    assert (expected != figures_of_file(plain, rows)) == changes


FILLED = {"area": lambda record: record["bbox"][2] * record["bbox"][3], "iscrowd": lambda record: 0}


@pytest.mark.parametrize(("key", "value"), FILLED.items())
def test_what_pycocotools_cannot_do_without_is_filled_in(key, value, tmp_path, run_command):
    def lose(data):
        for record in data["annotations"][::2]:
            del record[key]

    def fill(data):
        for record in data["annotations"]:
            record.setdefault(key, value(record))

    original = file_with(tmp_path / "odd.json", lose, plain_file(tmp_path / "plain.json"))
    rows = detections_near(original)
    with pytest.raises(KeyError, match=key):
        figures_of_file(original, rows)
    check_everything(tmp_path, run_command, original, file_with(tmp_path / "filled.json", fill, original), rows)


def odd_boxes(data):
    """Into a real file: of every kind, each category's first image."""
    kinds = [20, 20, 0, 10], [20, 20, -9, 9], [-50, 0, 20, 20], [9000, 0, 20, 20], [30, 30, 1, 1], [40, 40, 0, 0]
    first = {record["category_id"]: record for record in reversed(data["annotations"])}
    for n, record in enumerate(first.values()):
        box = kinds[n % len(kinds)]
        data["annotations"].append({**record, "id": 2**40 + n, "bbox": box, "area": abs(box[2] * box[3]), "iscrowd": 0})
    data["annotations"][5]["id"] = 0
    data["annotations"] += [{**record, "id": 2**41 + record["id"]} for record in data["annotations"][:40]]


@pytest.mark.long
@pytest.mark.parametrize("spoil", [lambda data: None, odd_boxes], ids=["as it is", "with odd boxes"])
def test_real_predictions_on_the_original_file(spoil, tmp_path, shared_data):
    like = shared_data / "coco2017_subset/annotations/instances_val2017.json"
    original = file_with(tmp_path / "odd.json", spoil, like)
    predictions = Predictions.open(shared_data / "predictions/yolov5n_coco_val206.parquet")
    truth = read_coco(original)
    scorer = Scorer(predictions, truth)
    for kept in (tuple(range(9)), (1, 4, 7), (0, 2)):
        found = scorer.detections(kept)
        columns = found.image_id.tolist(), found.category_id.tolist(), found.boxes.tolist(), found.score.tolist()
        rows = [
            {"image_id": image, "category_id": category, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score}
            for image, category, (x1, y1, x2, y2), score in zip(*columns, strict=True)
        ]
        expected = figures_of_file(original, rows)
        equal(dict(zip(NAMES, astuple(scorer.score(kept)), strict=True)), expected)
        equal(coco_figures(truth, SplitDetections.from_rows(rows)), expected)


def test_training_and_anchors_do_without_what_cannot_be_found(tmp_path, caplog):
    plain = plain_file(tmp_path / "plain.json")
    spoil = boxes([20, 20, 0, 10], [20, 20, 10, -1], [160, 10, 9, 9], [9, 9, 1, 1], of_each=1)
    odd = file_with(tmp_path / "odd.json", spoil, plain)
    assert check_boxes(odd) == check_boxes(plain) == (8, 40, ("class 1", "class 2", "class 3"))
    line = f"{odd}: 4 boxes are not to be trained on, the first: 0.jpg: annotation 1000: box [20, 20, 0, 10] skipped"
    assert [message.partition(": width")[0] for message in caplog.messages] == [line]
    scaled = [scaled_boxes(read_coco(file), (80, 60), keep_ratio=False)[0] for file in (plain, odd)]
    np.testing.assert_array_equal(*scaled)
    file_with(odd, lambda data: data.update(annotations=data["annotations"][40:]), odd)
    with pytest.raises(UserError, match=r"odd.json: no boxes to train on"):
        check_boxes(odd)


def test_overlaps_are_those_of_pycocotools_own_code():
    """Of boxes of no, negative, tiny and huge size too; bit for bit."""
    values = [0.0, 1e-30, 1e-7, 0.5, 1.0, 10.0, 10.000001, 3e7]
    corners = np.array([(x, y, x + w, y + h) for x in values for y in (0, 10) for w in values for h in (0, 1e-7, 10)])
    found = corners.astype(np.float32)
    sizes = found[:, 2:].astype(np.float64) - found[:, :2]
    detections = np.concatenate([found[:, :2].astype(np.float64), sizes], 1)
    sides = [*values, -1e-7, -1.0, -10.0]
    truths = np.array([(x, y, w, h) for x in (0, 10) for y in (-5, 10) for w in sides for h in sides], np.float64)
    for crowd in (0, 1):
        expected = np.array(mask.iou(detections, truths, [crowd] * len(truths)))
        ours = np.array([[overlap(box, truth, crowd) for truth in truths] for box in found])
        np.testing.assert_array_equal(ours, expected)
        assert (expected > 0).any()
