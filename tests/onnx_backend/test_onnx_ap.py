"""What the search promises of an ONNX detector is what the sliced file does, by pycocotools and by torch's outputs."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
from oracles.original_file import figures_of_file
from yolo_form import CLASSES, IDS, boxes_on, export, network, write_data

from anchorprune.datasets.coco import read_coco
from anchorprune.detectors.evaluate import detect
from anchorprune.detectors.foreign import Foreign
from anchorprune.detectors.onnx.foreign import take_over
from anchorprune.detectors.predict import predict
from anchorprune.detectors.registry import load
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Predictions
from anchorprune.scoring import Scorer

pytestmark = pytest.mark.detectors

# A threshold, an overlap and a limit that bind each; YOLOv5's for its AP, and for its pictures.
POSTS = {
    "for AP": {},
    "for pictures": {"postprocess.score_threshold": 0.25, "postprocess.nms_iou": 0.45, "multi_label": "false"},
    "any class": {"postprocess.class_agnostic": "true", "postprocess.max_per_image": 40},
    "few enter NMS": {"postprocess.nms_pre": 30, "postprocess.min_size": 6},
}
LAYOUTS = {"all": range(9), "some": (0, 2, 5, 7), "coarse": (3, 4, 6, 8), "one": (4,)}


@pytest.fixture(scope="module", params=POSTS)
def made(request, tmp_path_factory):
    folder, model, post = tmp_path_factory.mktemp("made"), network(), POSTS[request.param]
    truth = write_data(model, folder)
    path = export(model, folder / "my.onnx")
    options = (f"classes={list(CLASSES)}", *(f"{key}={value}" for key, value in post.items()))
    take_over(Foreign("onnx::graph", "own", path, None, options), folder / "full")
    predict(load([folder / "full"]), truth, folder / "images", folder / "p.parquet", {})
    return model, folder, post


@pytest.mark.parametrize("case", LAYOUTS)
def test_the_searched_ap_is_the_sliced_files(made, case, tmp_path):
    model, folder, post = made
    truth = read_coco(folder / "truth.json")
    scorer = Scorer(Predictions.open(folder / "p.parquet"), truth)
    full = load([folder / "full"])
    sliced = full.slice(Layout.keep(full.head, LAYOUTS[case]), tmp_path / "sliced")
    found = list(detect(sliced, truth, folder / "truth.json", folder / "images").rows())
    measured = figures_of_file(folder / "truth.json", found)["ap"]
    assert scorer.ap(LAYOUTS[case]) == pytest.approx(measured, abs=1e-4)
    own = [row for image in truth.images for row in by_hand(model, folder, image.id, LAYOUTS[case], post)]
    assert measured == pytest.approx(figures_of_file(folder / "truth.json", own)["ap"], abs=1e-4)
    assert len(own) == len(found)
    assert measured > 0.005


def by_hand(model, folder, image, kept, post):
    """torch's boxes of the kept anchors, and the post-processing in plain words, in float64: COCO's rows."""
    anchor, boxes, scores = boxes_on(model, folder / f"images/{image}.png")
    threshold, iou = post.get("postprocess.score_threshold", 0.001), post.get("postprocess.nms_iou", 0.6)
    pairs = []
    for row in np.flatnonzero(np.isin(anchor, list(kept))):
        labels = range(len(CLASSES)) if "multi_label" not in post else [int(scores[row].argmax())]
        pairs += [(float(scores[row, k]), int(row), k) for k in labels if scores[row, k] > threshold]
    pairs.sort(key=lambda pair: -pair[0])
    if "postprocess.nms_pre" in post:
        levels = [[p for p in pairs if anchor[p[1]] // 3 == level] for level in range(3)]
        pairs = sorted((p for level in levels for p in level[:30]), key=lambda pair: -pair[0])
        pairs = [p for p in pairs if (boxes[p[1], 2:] - boxes[p[1], :2] > 6).all()]
    left = []
    for score, row, label in pairs:
        rivals = [r for _, r, k in left if k == label or "postprocess.class_agnostic" in post]
        if (overlaps(boxes[row], boxes[rivals]) <= iou).all():
            left.append((score, row, label))
        if len(left) == post.get("postprocess.max_per_image", 300):
            break
    found = []
    for score, row, label in left:
        x1, y1, x2, y2 = boxes[row].tolist()
        found.append({"image_id": image, "category_id": IDS[label], "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score})
    return found


def overlaps(one, others):
    """(n,) intersection over union of a box and others, 0 where one has no area."""
    both = (np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2])).clip(min=0).prod(1)
    union = (one[2:] - one[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(1) - both
    return np.divide(both, union, out=np.zeros_like(both), where=both > 0)


def test_what_an_image_has_is_written_down(made):
    """The predictions file says which post-processing its AP is of."""
    _, folder, post = made
    said = Predictions.open(folder / "p.parquet").postprocess.to_dict()
    wanted = {"score_threshold": 0.001, "nms_iou": 0.6, "nms_pre": None, "max_per_image": 300, "min_size": -1}
    wanted |= {"class_agnostic": False}
    wanted |= {k.partition(".")[2]: json.loads(str(v)) for k, v in post.items() if k.startswith("postprocess.")}
    assert said == wanted
    assert json.loads((folder / "full/detector.json").read_text())["multi_label"] is ("multi_label" not in post)
