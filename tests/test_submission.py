"""Submissions to COCO's server: the form, the zip, and a real detector of 80 classes on real images."""

import json
import zipfile

import numpy as np
import pytest
from running.command import ROOT
from running.detector import SMALL_ANCHORS
from running.results import results

from anchorprune.errors import UserError
from anchorprune.heads.detections import SplitDetections
from anchorprune.metrics.test_dev import (
    COCO_CATEGORY_IDS,
    check_categories,
    check_results,
    results_name,
    write_submission,
)

GOOD = {"image_id": 7, "category_id": 90, "bbox": [0.5, 1, 2, 3], "score": 0.25}


def check(results, images, categories):
    check_results(SplitDetections.from_rows(results), np.array(images), np.array(categories))


def test_the_form_is_checked():
    check([GOOD, GOOD], [7], [1, 90])
    check([], [7], [1])
    for change, message in (
        ({"image_id": 8}, "detection 2, {'image_id': 8, .*}: image_id is not one of the images"),
        ({"category_id": 80}, "category_id is not one of the categories"),
        ({"bbox": [1, 2, -3, 4]}, "is not x, y, width, height"),
        ({"bbox": [1, 2, float("nan"), 4]}, "is not x, y, width, height"),
        ({"score": float("inf")}, "score is not a finite number"),
    ):
        with pytest.raises(UserError, match=message):
            check([GOOD, GOOD | change], [7], [90])


def test_categories_are_cocos_own(shared_data):
    real = json.loads((shared_data / "coco2017_subset/annotations/instances_val2017.json").read_text())
    assert {category["id"] for category in real["categories"]} == COCO_CATEGORY_IDS
    check_categories(COCO_CATEGORY_IDS, "x.json")
    with pytest.raises(
        UserError, match=r"x\.json: its category ids are not COCO's 80 of 1\.\.90 \(they differ in 12, 26"
    ):
        check_categories(range(1, 81), "x.json")


def test_the_zip_holds_one_file_of_its_own_name(tmp_path):
    path = write_submission(SplitDetections.from_rows([GOOD]), tmp_path, "ssd-B")
    assert path.name == "detections_test-dev2017_ssd-B_results.zip"
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["detections_test-dev2017_ssd-B_results.json"]
        assert json.loads(archive.read(archive.namelist()[0])) == [GOOD]
    assert (
        write_submission(SplitDetections.from_rows([GOOD]), tmp_path / "again", "ssd-B").read_bytes()
        == path.read_bytes()
    )
    for name in ("../x", "a_b", ""):
        with pytest.raises(UserError, match="use letters, digits and dashes"):
            results_name(name)


@pytest.mark.detectors
@pytest.mark.long
def test_a_detector_on_images_without_annotations(shared_data, run_command, tmp_path):
    """From COCO's own layout to the zip: data set, training, submission."""
    pytest.importorskip("mmdet")
    subset = shared_data / "coco2017_subset"
    made = run_command(
        *("dataset", "coco2017", "--root", subset, "--prune-fraction", 0.1, "--output", tmp_path / "data"),
        *("--limit", "train", 8, "--limit", "prune", 4, "--limit", "test", 4),
    )
    assert made.status == 0, made.err
    (tmp_path / "anchors.json").write_text(json.dumps(SMALL_ANCHORS))
    trained = run_command(
        *(
            "train",
            ROOT / "config/detectors/ssd_small_256.py",
            "--name",
            "small",
            "--anchors",
            tmp_path / "anchors.json",
        ),
        *("--annotations", tmp_path / "data/train.json", "--images", subset / "train2017", "--epochs", 1),
        *("--option", "model.test_cfg.score_thr=0.001", "--output", tmp_path / "train"),
    )
    assert trained.status == 0, trained.err
    info = json.loads((subset / "annotations/instances_val2017.json").read_text())
    del info["annotations"]
    info["images"] = sorted(info["images"], key=lambda image: image["id"])[-5:]
    (tmp_path / "info.json").write_text(json.dumps(info))
    command = ("submission", tmp_path / "train/config.py", tmp_path / "train/weights.pth", tmp_path / "info.json")
    done = run_command(*command, subset / "val2017", "--name", "small", "--output", tmp_path / "out")
    assert done.status == 0, done.err
    assert done.json["images"] == 5
    path = tmp_path / "out/detections_test-dev2017_small_results.zip"
    assert [p.name for p in results(tmp_path / "out")] == [path.name]
    with zipfile.ZipFile(path) as archive:
        sent = json.loads(archive.read("detections_test-dev2017_small_results.json"))
    assert len(sent) == done.json["detections"] > 0
    assert {key for r in sent for key in r} == set(GOOD)
    check(sent, [image["id"] for image in info["images"]], sorted(COCO_CATEGORY_IDS))
    assert {r["image_id"] for r in sent} <= {image["id"] for image in info["images"]}
    assert max(r["category_id"] for r in sent) > 80  # COCO's own numbers: 1..80 would never get there
