"""VOC's mAP against mmdet's own, and by hand where two rules of the kit meet."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorprune.datasets.annotations import Annotations, Image
from anchorprune.datasets.coco import read_coco
from anchorprune.heads.detections import SplitDetections
from anchorprune.metrics.voc_eval import voc_figures

CLASSES = ("a", "b", "c")


def truth_of(objects) -> Annotations:
    """Objects are (image 1.., class 0.., x y w h, difficult)."""
    objects = sorted(objects, key=lambda o: o[0])
    boxes = np.array([o[2] for o in objects], dtype=np.float64).reshape(-1, 4)
    difficult = np.array([o[3] for o in objects], dtype=bool)
    return Annotations(
        images=tuple(Image(n, f"{n}.jpg", 100, 100) for n in range(1, 5)),
        category_ids=np.array([3, 5, 9], dtype=np.int32),
        category_names=CLASSES,
        ids=np.arange(1, len(objects) + 1),
        image_index=np.array([o[0] - 1 for o in objects], dtype=np.int32),
        category_index=np.array([o[1] for o in objects], dtype=np.int32),
        boxes=boxes,
        area=boxes[:, 2] * boxes[:, 3],
        iscrowd=difficult,
        difficult=difficult,
    )


def result(image, label, box, score) -> dict:
    return {"image_id": image, "category_id": (3, 5, 9)[label], "bbox": list(box), "score": score}


def figures(objects, detections) -> dict:
    return voc_figures(truth_of(objects), SplitDetections.from_rows([result(*d) for d in detections]))


BOX, FAR = (10, 10, 20, 20), (60, 60, 20, 20)


def test_a_right_one_then_a_wrong_one():
    found = figures([(1, 0, BOX, 0), (1, 0, FAR, 0)], [(1, 0, BOX, 0.9), (2, 0, BOX, 0.8)])
    assert found["voc_per_class"] == {"a": 0.5, "b": -1, "c": -1}
    assert found["voc_map"] == 0.5
    assert found["voc_map_11point"] == pytest.approx(6 / 11)  # recalls 0, .1, .. .5 are reached


def test_a_second_detection_of_an_object_is_wrong():
    found = figures([(1, 0, BOX, 0), (2, 0, BOX, 0)], [(1, 0, BOX, 0.9), (1, 0, BOX, 0.8), (2, 0, BOX, 0.7)])
    assert found["voc_map"] == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_difficult_objects_neither_count_nor_harm():
    objects = [(1, 0, BOX, 0), (1, 0, FAR, 1)]
    twice = [(1, 0, FAR, 0.9), (1, 0, FAR, 0.8), (1, 0, BOX, 0.7)]
    assert figures(objects, twice)["voc_map"] == 1
    assert figures([(1, 0, FAR, 1)], twice)["voc_map"] == -1  # nothing to find


def test_difficult_is_judged_by_iou_not_by_coverage_as_coco_judges_crowds():
    small = (10, 10, 5, 5)  # inside the difficult object, IoU 1/16
    assert figures([(1, 0, BOX, 1), (1, 0, FAR, 0)], [(1, 0, small, 0.9), (1, 0, FAR, 0.8)])["voc_map"] == 0.5


def test_the_object_that_overlaps_most_decides_even_if_it_is_taken():
    shifted = (14, 10, 20, 20)  # IoU 2/3 with BOX
    detections = [(1, 0, BOX, 0.9), (1, 0, (11, 10, 20, 20), 0.8)]  # the second overlaps BOX more than `shifted`
    assert figures([(1, 0, BOX, 0), (1, 0, shifted, 0)], detections)["voc_map"] == 0.5


def test_equal_scores_keep_their_order():
    objects = [(1, 0, BOX, 0)]
    right, wrong = (1, 0, BOX, 0.5), (2, 0, BOX, 0.5)
    assert figures(objects, [right, wrong])["voc_map"] == 1
    assert figures(objects, [wrong, right])["voc_map"] == 0.5


def test_a_recall_of_three_tenths_is_three_tenths():
    objects = [(1, 0, (10 * n, 0, 8, 8), 0) for n in range(10)]
    found = figures(objects, [(1, 0, (10 * n, 0, 8, 8), 1 - n / 10) for n in range(3)])
    assert found["voc_map_11point"] == pytest.approx(4 / 11)  # 0, .1, .2 and .3; 3 * 0.1 is above 0.3 in floats


def test_nothing_found_and_nothing_there():
    assert figures([(1, 0, BOX, 0)], [])["voc_map"] == figures([(1, 0, BOX, 0)], [])["voc_map_11point"] == 0
    assert figures([], [(1, 0, BOX, 0.5)])["voc_map"] == -1


boxes = st.tuples(*(st.integers(0, 12),) * 2, *(st.integers(4, 20),) * 2)
objects_drawn = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 2), boxes, st.booleans()), max_size=9)
detections_drawn = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 2), boxes), max_size=30)


@settings(max_examples=200, deadline=None)
@given(objects_drawn, detections_drawn, st.randoms(use_true_random=False))
def test_equals_mmdets(objects, detections, random):
    """Distinct scores (mmdet's sort is not stable) and difficult objects last (mmdet looks at them last)."""
    tpfp = pytest.importorskip("mmdet.evaluation.functional.mean_ap")
    objects = sorted(objects, key=lambda o: (o[0], o[3]))
    ranks = random.sample(range(len(detections)), len(detections))
    detections = [(*d, (rank + 1) / 32) for d, rank in zip(detections, ranks, strict=True)]
    found = figures(objects, detections)
    for label, name in enumerate(CLASSES):
        per_image = []
        for image in range(1, 5):
            dets = [(*corners(d[2]), d[3]) for d in detections if d[0] == image and d[1] == label]
            parts = [
                [corners(o[2]) for o in objects if o[:2] == (image, label) and o[3] is hard] for hard in (False, True)
            ]
            arrays = [np.array(part, dtype=np.float32).reshape(-1, 4) for part in parts]
            dets = np.array(dets, dtype=np.float32).reshape(-1, 5)
            tp, fp = tpfp.tpfp_default(dets, *arrays, iou_thr=0.5)
            per_image.append((dets[:, 4], tp[0], fp[0], len(arrays[0])))
        scores, tp, fp = (np.concatenate(column) for column in list(zip(*per_image, strict=True))[:3])
        count = sum(entry[3] for entry in per_image)
        if not count:
            assert found["voc_per_class"][name] == -1
            continue
        order = np.argsort(-scores)
        tp, fp = np.cumsum(tp[order]), np.cumsum(fp[order])
        recall, precision = tp / count, tp / np.maximum(tp + fp, np.finfo(np.float32).eps)
        area = tpfp.average_precision(recall, precision, "area")
        points = tpfp.average_precision(recall, precision, "11points")
        assert found["voc_per_class"][name] == pytest.approx(area, abs=1e-6)
        assert found["voc_per_class_11point"][name] == pytest.approx(points, abs=1e-6)


def corners(box) -> tuple:
    x, y, w, h = box
    return (x, y, x + w, y + h)


@pytest.mark.detectors
def test_evaluating_a_voc_split_gives_both_and_mmdets_map(trained, run_command, tmp_path):
    """A real detector's detections: `metrics.json`, our figures of its detections, and mmdet's eval_map."""
    mmdet = pytest.importorskip("mmdet.evaluation")
    annotations, images = trained.split("test")
    value = json.loads(annotations.read_text())
    for number, record in enumerate(value["annotations"]):
        record["difficult"] = record["iscrowd"] = int(number % 5 == 0)
    (tmp_path / "voc.json").write_text(json.dumps(value))
    files = (trained.config, trained.weights, tmp_path / "voc.json", images)
    done = run_command("evaluate", *files, "--output", tmp_path / "out")
    assert done.status == 0, done.err
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    detections = json.loads((tmp_path / "out/detections.json").read_text())
    truth = read_coco(tmp_path / "voc.json")
    assert {key: metrics[key] for key in metrics if key.startswith("voc_")} == voc_figures(
        truth, SplitDetections.from_rows(detections)
    )
    assert 0.1 < metrics["voc_map"] < 1
    compare_with_eval_map(mmdet.eval_map, truth, detections, metrics)


def compare_with_eval_map(eval_map, truth, detections, metrics) -> None:
    found, objects = [], []
    for n, image in enumerate(truth.images):
        own = [d for d in detections if d["image_id"] == image.id]
        per_class = [[d for d in own if d["category_id"] == k] for k in truth.category_ids.tolist()]
        found.append([array([(*corners(d["bbox"]), d["score"]) for d in rows], 5) for rows in per_class])
        entry = {}
        for end, hard in (("", False), ("_ignore", True)):
            mask = (truth.image_index == n) & (truth.difficult == hard)
            entry["bboxes" + end] = array([corners(box) for box in truth.boxes[mask]], 4)
            entry["labels" + end] = truth.category_index[mask]
        objects.append(entry)
    mean, areas = eval_map(found, objects, nproc=1, logger="silent")
    _, points = eval_map(found, objects, nproc=1, logger="silent", eval_mode="11points")
    assert metrics["voc_map"] == pytest.approx(mean, abs=1e-6)
    compared = 0
    for name, area, point in zip(truth.category_names, areas, points, strict=True):
        assert metrics["voc_per_class"][name] == pytest.approx(area["ap"], abs=1e-6)
        if point["num_gts"] % 10:  # else a recall of 3/10 counts, which mmdet holds against the float 3 * 0.1 > 0.3
            assert metrics["voc_per_class_11point"][name] == pytest.approx(point["ap"], abs=1e-6)
            compared += 1
    assert compared


def array(rows, width) -> np.ndarray:
    return np.array(rows, dtype=np.float32).reshape(-1, width)
