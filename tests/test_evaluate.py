"""Evaluation by the protocol of mmdet's own test runner, on images of several sizes; and what it writes."""

import contextlib
import copy
import io
import itertools
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from mmengine.runner import Runner
from oracles.fitting import calibrate, fit, fresh, training_batch
from oracles.mmdet_detectors import read
from oracles.original_file import figures_of_file
from oracles.torch_detections import FACTS

from anchorprune.datasets.coco import read_coco
from anchorprune.deploy.onnx import accuracy
from anchorprune.deploy.onnx.images import prepare
from anchorprune.deploy.onnx.models import save
from anchorprune.deploy.onnx.session import OnnxDetector
from anchorprune.detectors.evaluate import evaluate
from anchorprune.detectors.mmdet.config.compose import OWN_KEY
from anchorprune.detectors.mmdet.config.prunable import make_prunable
from anchorprune.detectors.mmdet.detector import MmdetDetector
from anchorprune.detectors.mmdet.export import export
from anchorprune.detectors.mmdet.inference.loop import prepared_images
from anchorprune.detectors.mmdet.model import describe
from anchorprune.detectors.predict import predict
from anchorprune.heads.detections import Detections, SplitDetections
from anchorprune.heads.predictions import Predictions
from anchorprune.metrics.coco_eval import coco_figures
from anchorprune.scoring import Scorer

CONFIG, SIZE = "retinanet/retinanet_r18_fpn_1x_coco.py", (224, 160)


@dataclass(frozen=True)
class Case:
    """A fitted RetinaNet, and photos of many sizes, upright and not."""

    detector: MmdetDetector
    annotations: Path
    images: Path


@pytest.fixture(scope="module")
def case(shared_data, tmp_path_factory) -> Case:
    subset = shared_data / "coco2017_subset"
    annotations = tmp_path_factory.mktemp("split") / "annotations.json"
    value = json.loads((subset / "annotations/instances_val2017.json").read_text())
    boxed = {annotation["image_id"] for annotation in value["annotations"]}
    value["images"] = sorted((i for i in value["images"] if i["id"] in boxed), key=lambda i: i["id"])[:12]
    assert len({(image["width"], image["height"]) for image in value["images"]}) > 6
    kept = {image["id"] for image in value["images"]}
    value["images"].reverse()  # a file in no order
    value["annotations"] = [a for a in value["annotations"] if a["image_id"] in kept]
    annotations.write_text(json.dumps(value))
    cfg = small_config()
    cfg[OWN_KEY].classes = list(read_coco(annotations).category_names)
    make_prunable(cfg)
    detector, images = fresh(cfg), subset / "val2017"
    batch = training_batch(itertools.islice(prepared_images(detector, annotations, images, "fit"), 4))
    calibrate(detector, batch["inputs"])
    losses = fit(detector, batch, 25, 1e-3)
    assert losses[-1] < losses[0]
    return Case(detector, annotations, images)


def small_config():
    """mmdet's own config, but of a shallow head and small images."""
    cfg = read(CONFIG, SIZE)
    cfg.model.bbox_head.stacked_convs = 1
    for step in cfg.test_dataloader.dataset.pipeline:
        if step.type == "Resize":
            assert step.keep_ratio
            step.scale = SIZE
    return cfg


def runners_ap(case: Case, folder: Path) -> float:
    """AP of what mmdet's runner detects by mmdet's own config of the detector, with the same weights."""
    cfg = small_config()
    assert cfg.test_dataloader.batch_size == 1
    cfg.test_dataloader.dataset.update(
        data_root="", ann_file=str(case.annotations), data_prefix={"img": str(case.images)}
    )
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.test_evaluator.update(ann_file=str(case.annotations), outfile_prefix=str(folder / "mmdet"))
    cfg.model.backbone.init_cfg = None
    cfg.work_dir, cfg.load_from = str(folder), str(folder / "weights.pth")
    torch.save({"state_dict": case.detector.model.state_dict()}, folder / "weights.pth")
    with contextlib.redirect_stdout(io.StringIO()):
        Runner.from_cfg(cfg).test()
    return figures_of_file(case.annotations, json.loads((folder / "mmdet.bbox.json").read_text()))["ap"]


def onnx_ap(case: Case, folder: Path, any_size: bool) -> float:
    """AP in `metrics-onnx.json` of the detector's ONNX model."""
    save({"model": export(case.detector, 18, FACTS, any_size).end_to_end}, folder)
    accuracy.evaluate({"model": folder / "model.onnx"}, case.annotations, case.images, folder, {}, 1)
    return json.loads((folder / "metrics-onnx.json").read_text())["models"]["model"]["ap"]


def test_search_evaluation_onnx_and_mmdets_runner_agree(case, tmp_path):
    predict(case.detector, case.annotations, case.images, tmp_path / "predictions.parquet", {})
    scorer = Scorer(Predictions.open(tmp_path / "predictions.parquet"), read_coco(case.annotations))
    searched = scorer.score(list(range(case.detector.head.num_anchors))).ap
    evaluated = evaluate(case.detector, case.annotations, case.images, tmp_path / "evaluation", {})
    expected = runners_ap(case, tmp_path)
    exported, fixed = (onnx_ap(case, tmp_path, any_size) for any_size in (True, False))
    print(
        f"AP {expected:.6f}, evaluated {evaluated['ap'] - expected:+.1e}, searched {searched - expected:+.1e}, "
        f"ONNX {exported - expected:+.1e}, on one canvas {fixed - expected:+.1e}"
    )
    assert expected > 0.01
    assert evaluated["ap"] == pytest.approx(expected, abs=1e-6)
    assert searched == pytest.approx(expected, abs=1e-6)
    assert evaluated["parameters"] == len(torch.nn.utils.parameters_to_vector(case.detector.model.parameters()))
    assert exported == pytest.approx(expected, abs=1e-6)
    assert abs(fixed - expected) > 1e-4, "one canvas for all images: the test sees the difference"
    ours, theirs = (found(tmp_path / file) for file in ("evaluation/detections.json", "mmdet.bbox.json"))
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=1e-4)  # pixels and scores; padded to a neighbour's size, others


def found(results: Path) -> np.ndarray:
    """(N, 7) image, class, score, box, by image, each image's in the detector's order."""
    rows = json.loads(results.read_text())
    table = np.array([(r["image_id"], r["category_id"], r["score"], *r["bbox"]) for r in rows])
    return table[np.argsort(table[:, 0], kind="stable")]


def stretched(detector: MmdetDetector) -> MmdetDetector:
    """The detector with all images scaled to one size, which is none of its strides' multiples."""
    cfg, size = copy.deepcopy(detector.config), (210, 150)
    cfg[OWN_KEY].input_size = size
    for step in cfg.test_dataloader.dataset.pipeline:
        if step.type == "Resize":
            step.update(scale=size, keep_ratio=False)
    return replace(detector, config=cfg, head=describe(cfg, detector.model))


@pytest.mark.long
def test_the_onnx_model_pads_as_mmdet_does(case, tmp_path):
    """Images of 210 x 150 pixels lie in 224 x 160 ones: the AP of mmdet, whatever the input size."""
    detector = stretched(case.detector)
    evaluated = evaluate(detector, case.annotations, case.images, tmp_path / "torch", {})
    save({"model": export(detector, 18, FACTS).end_to_end}, tmp_path)
    models = {"model": tmp_path / "model.onnx"}
    deployed = accuracy.evaluate(models, case.annotations, case.images, tmp_path, {}, 1)
    (figures,) = deployed["models"].values()
    print(f"AP {evaluated['ap']:.6f}, ONNX {figures['ap'] - evaluated['ap']:+.1e}")
    assert evaluated["ap"] > 0.01
    assert figures["ap"] == pytest.approx(evaluated["ap"], abs=1e-6)
    assert figures["detections"] == evaluated["detections"]


@pytest.mark.long
def test_the_onnx_model_has_torchs_ap_on_its_own_input(case, tmp_path):
    """With a kept ratio the model's input has one size for all images; mmdet pads each to a size of its own."""
    save({"model": export(case.detector, 18, FACTS).end_to_end}, tmp_path)
    model, truth, torch_call = (
        OnnxDetector(tmp_path / "model.onnx"),
        read_coco(case.annotations),
        case.detector.native_call(),
    )
    theirs = []
    for image in truth.images:
        prepared = prepare(case.images / image.file_name, model.metadata.input)
        (result,) = torch_call(prepared.pixels)
        boxes = prepared.to_original(result.bboxes.numpy())
        theirs.append((image.id, Detections(boxes, result.scores.numpy(), result.labels.numpy(), prepared.size)))
    expected = coco_figures(truth, SplitDetections.joined(theirs, truth.category_ids))["ap"]
    ap = coco_figures(truth, accuracy.detect(model, truth, case.images, "test"))["ap"]
    own = evaluate(case.detector, case.annotations, case.images, tmp_path / "own", {})["ap"]
    print(f"AP on one canvas {expected:.6f}, ONNX {ap - expected:+.1e}; on each image's own {own - expected:+.1e}")
    assert expected > 0.01
    assert ap == pytest.approx(expected, abs=1e-6)
