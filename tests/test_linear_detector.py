"""The second backend: a detector in NumPy goes from training to report without torch, and the search's AP is its AP."""

import contextlib
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from backends.trained import CONFIG, train, write_data

from anchorprune.datasets.coco import read_coco
from anchorprune.detectors.evaluate import evaluate
from anchorprune.detectors.predict import predict
from anchorprune.detectors.registry import load
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Postprocess, Predictions
from anchorprune.scoring import Scorer

POSTPROCESS = Postprocess(**json.loads(CONFIG.read_text())["postprocess"])


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A prepared data set of generated scenes."""
    return write_data(tmp_path_factory.mktemp("scenes"), train=160, prune=30, test=1)


@pytest.fixture(scope="module")
def detector(data, tmp_path_factory):
    """The detector, trained."""
    return train(data, tmp_path_factory.mktemp("linear"))


@pytest.fixture(scope="module")
def truth(data) -> Path:
    """The prune split's annotations as others write them: crowds, no order, boxes that stick out of the image."""
    value, rng = json.loads((data / "prune.json").read_text()), np.random.default_rng(0)
    for box in value["annotations"]:
        box["iscrowd"] = int(rng.random() < 0.1)
        if rng.random() < 0.1:
            box["bbox"][0] -= 9
    for key in ("images", "annotations", "categories"):
        value[key] = [value[key][i] for i in rng.permutation(len(value[key]))]
    path = data / "odd.json"
    path.write_text(json.dumps(value))
    return path


def pycocotools_ap(annotations: Path, detections: Path) -> float:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO(str(annotations))
        run = COCOeval(known, known.loadRes(str(detections)), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[0])


POSTPROCESSES = {
    "usual": POSTPROCESS,
    "few enter NMS": replace(POSTPROCESS, nms_pre=4),
    "few leave it": replace(POSTPROCESS, max_per_image=5),
    "no limits": replace(POSTPROCESS, nms_pre=None, max_per_image=-1, min_size=-1),
    "any class": replace(POSTPROCESS, class_agnostic=True, nms_iou=0.3, min_size=14.0),
    "few of any class": replace(POSTPROCESS, class_agnostic=True, nms_pre=6, max_per_image=7),
}
LAYOUTS = [tuple(range(8)), (0, 2, 3, 6), (3, 4, 5, 6, 7), (0, 1), (5,)]  # the finest level, or all others, dropped


@pytest.mark.parametrize("postprocess", POSTPROCESSES.values(), ids=POSTPROCESSES)
def test_the_searched_ap_is_the_sliced_detectors(detector, data, truth, postprocess, tmp_path):
    """To 1e-9: what is left is the order in which two programs sum; scores and boxes are the same float32 numbers."""
    images = data / "images/prune"
    full = replace(detector, postprocess=postprocess).save(tmp_path / "full")
    predict(full, truth, images, tmp_path / "predictions.parquet", {})
    scorer = Scorer(Predictions.open(tmp_path / "predictions.parquet"), read_coco(truth))
    for kept in LAYOUTS:
        folder = tmp_path / "-".join(map(str, kept))
        full.slice(Layout.keep(full.head, kept), folder)
        metrics = evaluate(load([folder]), truth, images, folder / "evaluate", {})
        measured = pycocotools_ap(truth, folder / "evaluate/detections.json")
        assert scorer.ap(kept) == pytest.approx(measured, abs=1e-9)
        assert metrics["ap"] == pytest.approx(measured, abs=1e-9)
        assert metrics["cost"]["macs"] == sum(multiplications(load([folder])))


def multiplications(detector):
    """Of each level: one for each cell and weight."""
    for i, level in enumerate(detector.head.levels):
        yield level.grid[0] * level.grid[1] * detector.weights[f"level-{i}"].size


def test_scores_tie(detector, data):
    """Otherwise the test above would not show that the order of ties is right."""
    found = list(detector.candidates(data / "prune.json", data / "images/prune"))
    pairs = [(one.label[i], one.score[i]) for one in found for i in range(len(one.score))]
    assert len(pairs) > 2 * len(set(pairs))


def test_it_has_learnt(detector, data, tmp_path):
    """Its AP is far above that of the same weights in a random order."""
    split = data / "prune.json", data / "images/prune"
    rng = np.random.default_rng(0)
    weights = {name: rng.permuted(value, axis=1) for name, value in detector.weights.items()}
    learnt = evaluate(detector, *split, tmp_path / "trained", {})
    noise = evaluate(replace(detector, weights=weights), *split, tmp_path / "shuffled", {})
    assert learnt["ap"] > 0.12
    assert noise["detections"] > 100
    assert noise["ap"] < learnt["ap"] / 10


def test_the_same_seed_gives_the_same_bytes(detector, data, tmp_path):
    for seed, same in ((0, True), (1, False)):
        again = train(data, tmp_path / str(seed), seed)
        assert (again.source.read_bytes() == detector.source.read_bytes()) == same


WALK = """
train {config} --backend linear --name walk --annotations {data}/train.json --images {data}/images/train --output train
predict train {data}/prune.json {data}/images/prune --output predictions.parquet
search predictions.parquet {data}/prune.json --method greedy --budget 0.6 --resamples 20 --output search
cost train/head.json --layout search/layout-0.6.json
layout train/head.json --drop 6,7 --output layout.json
score predictions.parquet {data}/prune.json --layout search/layout-0.6.json
slice train search/layout-0.6.json --output slice
retrain slice --finetune slice --annotations {data}/train.json --images {data}/images/train --output retrained
evaluate train {data}/prune.json {data}/images/prune --output train/evaluate
evaluate slice {data}/prune.json {data}/images/prune --output slice/evaluate
evaluate retrained {data}/prune.json {data}/images/prune --output retrained/evaluate
publish slice --layout search/layout-0.6.json --head train/head.json --evaluation slice/evaluate {full} --output deploy
show train slice {data}/images/prune/prune-000001.png --output pictures
report manifest.json --output report
"""
RUNNER = """
import json, sys
for name in ("torch", "mmdet", "mmcv", "mmengine", "onnx", "onnxscript", "onnxruntime", "cv2"):
    sys.modules[name] = None  # as if not installed
from anchorprune.cli import main
for words in json.loads(sys.argv[1]):
    if main(words):
        sys.exit(f"failed: {words}")
"""


def manifest(folder: Path, data: Path) -> list[dict]:
    names = dict(experiment="walk", detector="linear", dataset="scenes", anchor_set="own", seed=0, retrain="finetune")
    row = {**names, "method": "", "budget": 1, "label": None, "description": "", "control": "", "expected": {}}
    full = {"unpruned": "train/evaluate/metrics.json", "head": "train/head.json", "predictions": "predictions.parquet"}
    full |= {"annotations": str(data / "prune.json"), "evaluated": "search/evaluated.parquet"}
    pruned = {"sliced": "slice/evaluate/metrics.json", "metrics": "retrained/evaluate/metrics.json"}
    pruned |= {"layout": "search/layout-0.6.json", "front": "search/front.csv", "evaluated": "search/evaluated.parquet"}
    rows = [{**row, "files": full}, {**row, "method": "greedy", "budget": 0.6, "files": {**full, **pruned}}]
    return [{**one, "published": None} for one in rows]


@pytest.mark.slow
def test_from_training_to_report_without_torch(data, tmp_path):
    full = f"--full-evaluation train/evaluate --dataset {data}/dataset.json"
    words = [line.format(config=CONFIG, data=data, full=full).split() for line in WALK.strip().splitlines()]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest(tmp_path, data)))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUNNER, json.dumps(words)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "report/results.csv", keep_default_na=False)
    full, pruned = (row for _, row in table.iterrows())
    assert pruned["macs"] <= 0.6 * full["macs"]
    assert len(pruned["kept"].split()) == pruned["anchors"] < full["anchors"] == 8
    searched = json.loads(done.stdout.splitlines()[2])["budgets"]["0.6"]["ap"]
    assert pruned["ap_search"] == pytest.approx(searched, abs=1e-12)
    assert pruned["ap_sliced"] == pytest.approx(searched, abs=1e-9)  # reported on the split that was searched
    assert "walk" in (tmp_path / "report/index.html").read_text()
    assert "linear-detector" in (tmp_path / "deploy/README.md").read_text()
    assert load([tmp_path / "deploy"]).head.num_anchors == pruned["anchors"]
