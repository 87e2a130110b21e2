"""Changes of AP by size and class: on the images as they are and on resamples, pycocotools' own; what intervals say."""

import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from anchorprune.datasets.coco import read_coco
from anchorprune.detectors.compared import compared
from anchorprune.errors import UserError
from anchorprune.heads.detections import SplitDetections
from anchorprune.report.data.ap_changes import ApChange, change_of, optimism, over_seeds, parts_of
from anchorprune.scoring.ap_change import ap_change
from anchorprune.scoring.bootstrap import drawn_times

IMAGES, NAMES = 9, ("a", "b", "c")


def truth_file(path, rng):
    """Boxes of all three of COCO's sizes, some of them crowds; a category on a few images only."""
    sides = np.array([10, 60, 150])[rng.integers(0, 3, 40)] * rng.uniform(0.7, 1.4, 40)
    value = {
        "images": [{"id": i + 1, "file_name": f"{i}.png", "width": 640, "height": 480} for i in range(IMAGES)],
        "categories": [{"id": 2 * k + 1, "name": name} for k, name in enumerate(NAMES)],
        "annotations": [
            {
                "id": n + 1,
                "image_id": int(rng.integers(1, 1 + IMAGES)),
                "category_id": int(rng.choice([1, 3, 5], p=[0.5, 0.4, 0.1])),
                "bbox": [*rng.uniform(0, 400, 2).tolist(), side, side],
                "area": side * side * float(rng.uniform(0.5, 1)),
                "iscrowd": int(rng.random() < 0.1),
            }
            for n, side in enumerate(sides.tolist())
        ],
    }
    path.write_text(json.dumps(value))
    return value


def detections(value, rng, spread):
    found = []
    for annotation in value["annotations"]:
        for _ in range(2):
            box = np.array(annotation["bbox"]) + rng.normal(0, spread, 4) * annotation["bbox"][2]
            box[2:] = np.maximum(box[2:], 1)
            row = {name: annotation[name] for name in ("image_id", "category_id")}
            found.append({**row, "bbox": box.tolist(), "score": float(rng.random())})
    return found


def drawn(value, found, times):
    """Ground truth and detections of a resample: an image drawn n times stands there n times, with new ids."""
    images, annotations, detected = [], [], []
    for image, count in zip(value["images"], times, strict=True):
        for _ in range(count):
            new = len(images) + 1
            images.append({**image, "id": new})
            mine = [a for a in value["annotations"] if a["image_id"] == image["id"]]
            annotations += [{**a, "image_id": new, "id": len(annotations) + n + 1} for n, a in enumerate(mine)]
            detected += [{**d, "image_id": new} for d in found if d["image_id"] == image["id"]]
    return {**value, "images": images, "annotations": annotations}, detected


def pycocotools_says(value, found):
    """AP of all, small, medium, large, and of each category; NaN where there is no ground truth."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = value
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes([dict(row) for row in found]), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    classes = [c[c > -1].mean() if (c > -1).any() else -1 for c in np.moveaxis(precision, 2, 0)]
    figures = np.array([evaluation.stats[0], *evaluation.stats[3:6], *classes])
    return np.where(figures < 0, np.nan, figures)


@pytest.mark.parametrize("seed", range(4))
def test_every_change_is_pycocotools(tmp_path, seed):
    rng = np.random.default_rng(seed)
    value = truth_file(tmp_path / "truth.json", rng)
    first, second = detections(value, rng, 0.05), detections(value, rng, 0.12)
    columns = map(SplitDetections.from_rows, (first, second))
    found = ap_change(read_coco(tmp_path / "truth.json"), *columns, resamples=40)

    wanted = pycocotools_says(value, first) - pycocotools_says(value, second)
    ours = [found.figures[name].ap for name in ("ap", "ap_small", "ap_medium", "ap_large")]
    assert [*ours, *(found.classes[name].ap for name in NAMES)] == pytest.approx(wanted, abs=1e-9)

    times = drawn_times(IMAGES, 40)
    resampled = np.array(
        [pycocotools_says(*drawn(value, first, row)) - pycocotools_says(*drawn(value, second, row)) for row in times]
    )
    # where a class has no ground truth in a resample, both detectors' means leave it out
    assert found.resampled == pytest.approx(resampled[:, 0], abs=1e-9)
    low, high = np.nanpercentile(resampled, (2.5, 97.5), axis=0)
    intervals = [*found.figures.values(), *found.classes.values()]
    assert [change.low for change in intervals] == pytest.approx(low, abs=1e-9)
    assert [change.high for change in intervals] == pytest.approx(high, abs=1e-9)


def test_nothing_found_changes_nothing(tmp_path):
    truth_file(tmp_path / "truth.json", np.random.default_rng(0))
    nothing = SplitDetections.from_rows([])
    assert ap_change(read_coco(tmp_path / "truth.json"), nothing, nothing) is None


def test_where_nothing_is_found_the_report_has_no_parts_and_no_interval(tmp_path):
    truth_file(tmp_path / "truth.json", np.random.default_rng(0))
    nothing = SplitDetections.from_rows([])
    nothing.save(tmp_path / "detections.json")
    (tmp_path / "metrics.json").write_text(json.dumps({"ap": 0.0, "images": IMAGES}))
    stated = {"ap": 0.0, "change": compared(read_coco(tmp_path / "truth.json"), nothing, tmp_path)}
    assert parts_of(stated, stated) == {}
    change = change_of(stated, {"ap": 0.0})
    assert (change.ap, str(change), change.verdict(0.005, 0.5)) == (0.0, "+0.000", "")


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.001, 0.02, "gains"),
        (-0.0049, 0.02, "no measurable loss"),
        (-0.0049, -0.001, "no measurable loss"),
        (-0.02, -0.001, "loses"),
        (-0.02, 0.02, "too few images to tell"),
        (float("nan"), float("nan"), ""),
    ],
)
def test_words_follow_the_interval(low, high, word):
    assert ApChange(0.0, low, high).verdict(0.005, 0.5) == word


def test_the_margin_is_the_users():
    assert ApChange(0.0, -0.009, 0.0).verdict(0.01, 0.5) == "no measurable loss"


def evaluation(resampled):
    change = {"change": float(np.mean(resampled)), "low": -1.0, "high": 1.0}
    return {"change": {"figures": {"ap": change}, "resampled": list(resampled)}}


def test_seeds_that_differ_widen_the_interval():
    rng = np.random.default_rng(0)
    images = rng.normal(0, 0.01, 4000)  # what the draw of images does to every seed alike
    alike = over_seeds([evaluation(images)] * 3)
    assert (alike.high - alike.low) / 2 == pytest.approx(1.96 * 0.01, rel=0.05)
    apart = over_seeds([evaluation(images + shift) for shift in (-0.03, 0.0, 0.03)])
    assert apart.ap == pytest.approx(images.mean())
    # seeds are drawn with replacement: the variance of their mean is (0.03**2 * 2 / 3) / 3
    assert (apart.high - apart.low) / 2 == pytest.approx(1.96 * np.hypot(0.01, 0.03 * np.sqrt(2) / 3), rel=0.07)


def test_optimism_is_the_difference_of_independent_changes():
    found = optimism(ApChange(0.02, -0.01, 0.05), ApChange(-0.01, -0.05, 0.03))
    assert (found.ap, found.low, found.high) == pytest.approx((0.03, 0.03 - 0.05, 0.03 + 0.05))


def test_detections_are_read_as_they_were_written_and_from_any_json(tmp_path):
    value = truth_file(tmp_path / "truth.json", np.random.default_rng(0))
    rows = detections(value, np.random.default_rng(1), 0.1)
    SplitDetections.from_rows(rows).save(tmp_path / "ours.json")
    (tmp_path / "others.json").write_text(json.dumps(rows))
    (tmp_path / "none.json").write_text("[\n]\n")
    for name, wanted in (("ours", rows), ("others", rows), ("none", [])):
        assert list(SplitDetections.load(tmp_path / f"{name}.json").rows()) == wanted
        assert json.loads((tmp_path / f"{name}.json").read_text()) == wanted
    (tmp_path / "cut.json").write_text((tmp_path / "ours.json").read_text()[:150])
    for name, line in (("cut", "not a list of detections"), ("gone", "no such list of detections")):
        with pytest.raises(UserError, match=f"{name}.json: {line}"):
            SplitDetections.load(tmp_path / f"{name}.json")
