"""For each family, full-size heads on real images: the AP that the search sees is the sliced detector's.

Nothing is downloaded, so the backbones keep their random initialisation. The outputs are made informative by setting
the batch norms' statistics from the images and fitting the head alone to some of these very images' boxes, for a few
steps of its own loss.
"""

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mmdet.datasets import VOCDataset
from oracles.fitting import calibrate, fit, fresh, training_batch
from oracles.masking import mask_anchors
from oracles.mmdet_detectors import read
from oracles.torch_detections import FACTS, assert_batch_same, inputs

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.coco import read_coco
from anchorprune.deploy.onnx.images import prepare
from anchorprune.deploy.onnx.session import session
from anchorprune.detectors.evaluate import detect
from anchorprune.detectors.mmdet.config.compose import OWN_KEY
from anchorprune.detectors.mmdet.config.prunable import make_prunable
from anchorprune.detectors.mmdet.detector import MmdetDetector
from anchorprune.detectors.mmdet.export import export
from anchorprune.detectors.mmdet.inference.loop import prepared_images
from anchorprune.detectors.mmdet.input_form import input_form
from anchorprune.detectors.mmdet.pruned import slice_detector
from anchorprune.detectors.predict import predict
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Predictions
from anchorprune.metrics.coco_eval import coco_figures
from anchorprune.scoring import Scorer

IMAGES, FEW_IMAGES = 20, 8  # few where a head takes seconds an image
LEAST = 0.005  # AP; a detector that learnt nothing has less

# mmdet's config: (W, H) of the input, images to fit to, steps, learning rate
DETECTORS = {
    "ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco.py": ((320, 320), 8, 25, 3e-3),
}
# The same for those that take longer: `make test-large`
LARGE = {
    "yolo/yolov3_mobilenetv2_8xb24-320-300e_coco.py": ((320, 320), 8, 30, 3e-3),
    "retinanet/retinanet_r18_fpn_1x_coco.py": ((160, 160), 4, 30, 1e-3),
    "nas_fpn/retinanet_r50_fpn_crop640-50e_coco.py": ((192, 192), 8, 26, 1e-3),
    "ssd/ssd300_coco.py": ((300, 300), 3, 20, 1e-3),
    "pascal_voc/ssd300_voc0712.py": ((300, 300), 3, 20, 1e-3),
    "ssd/ssd512_coco.py": ((512, 512), 3, 20, 1e-3),
    "yolo/yolov3_d53_8xb8-ms-608-273e_coco.py": ((608, 608), 3, 30, 5e-4),
    "retinanet/retinanet_r50_fpn_1x_coco.py": ((1333, 800), 1, 20, 1e-3),
}

# COCO's names for those of PASCAL VOC's classes that it calls otherwise
COCO_NAMES = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}


@dataclass(frozen=True)
class Case:
    """A fitted detector and the split it is tried on."""

    detector: MmdetDetector
    truth: Annotations
    annotations: Path
    images: Path
    batch: dict


class Remembered:
    """Features by image: slicing leaves backbone and neck alone, so each image goes through them once."""

    def __init__(self, extract):
        self._extract, self._known = extract, {}

    def __call__(self, inputs):
        keys = [image.numpy().tobytes() for image in inputs]
        for i, key in enumerate(keys):
            if key not in self._known:
                self._known[key] = self._extract(inputs[i : i + 1])
        return tuple(torch.cat(level) for level in zip(*(self._known[key] for key in keys), strict=True))


def first_images(source: Path, output: Path, classes: int, count: int) -> None:
    """The annotations of a split's first `count` images that have a box; of VOC's categories alone for 20 classes."""
    value = json.loads(source.read_text())
    if classes == 20:
        relabel(value, VOCDataset.METAINFO["classes"])
    boxed = {annotation["image_id"] for annotation in value["annotations"]}
    images = sorted((image for image in value["images"] if image["id"] in boxed), key=lambda image: image["id"])
    value["images"] = images[:count]
    ids = {image["id"] for image in value["images"]}
    value["annotations"] = [a for a in value["annotations"] if a["image_id"] in ids]
    output.write_text(json.dumps(value))


def relabel(value: dict, names: tuple[str, ...]) -> None:
    """Keep the boxes of the categories with these names, in this order."""
    old = {category["name"]: category["id"] for category in value["categories"]}
    number = {old[COCO_NAMES.get(name, name)]: i for i, name in enumerate(names, start=1)}
    value["categories"] = [{"id": i, "name": name} for i, name in enumerate(names, start=1)]
    value["annotations"] = [
        {**a, "category_id": number[a["category_id"]]} for a in value["annotations"] if a["category_id"] in number
    ]


@torch.no_grad()
def largest_difference(detector: MmdetDetector, sliced: MmdetDetector, layout: Layout, inputs: torch.Tensor) -> float:
    """Between the raw outputs of the sliced head and the masked ones of the full head."""
    features = detector.model.extract_feat(inputs)
    masked = mask_anchors(detector.model.bbox_head, layout, detector.model.bbox_head(features))
    pairs = zip(itertools.chain(*masked), itertools.chain(*sliced.model.bbox_head(features)), strict=True)
    return max(float((a - b).abs().max()) for a, b in pairs if a.numel())


def named(config: str):
    """A test parameter."""
    return pytest.param(config, id=Path(config).stem, marks=[pytest.mark.large] * (config in LARGE))


@pytest.fixture(scope="module", params=map(named, DETECTORS | LARGE))
def case(request, shared_data, tmp_path_factory) -> Case:
    size, count, steps, learning_rate = (DETECTORS | LARGE)[request.param]
    images = shared_data / "coco2017_subset/val2017"
    annotations = tmp_path_factory.mktemp("split") / "annotations.json"
    cfg = read(request.param, size)
    source = shared_data / "coco2017_subset/annotations/instances_val2017.json"
    first_images(source, annotations, cfg.model.bbox_head.num_classes, FEW_IMAGES if size[0] > 1000 else IMAGES)
    truth = read_coco(annotations)
    cfg[OWN_KEY].classes = list(truth.category_names)
    for step in cfg.test_dataloader.dataset.pipeline:
        if step.type == "Resize":
            step.scale = size
    make_prunable(cfg)
    detector = fresh(cfg)
    batch = training_batch(itertools.islice(prepared_images(detector, annotations, images, "fit"), count))
    calibrate(detector, batch["inputs"])
    object.__setattr__(detector.model, "extract_feat", Remembered(detector.model.extract_feat))
    losses = fit(detector, batch, steps, learning_rate)
    print(f"{detector.head.name}: loss {losses[0]:.3f} to {losses[-1]:.3f}")
    assert losses[-1] < losses[0]
    return Case(detector, truth, annotations, images, batch)


def test_the_searched_ap_is_the_sliced_detectors(case, tmp_path):
    detector = case.detector
    predict(detector, case.annotations, case.images, tmp_path / "predictions.parquet", {})
    scorer = Scorer(Predictions.open(tmp_path / "predictions.parquet"), case.truth)
    numbers, level_of = range(detector.head.num_anchors), detector.head.level_of_anchor
    full = scorer.score(list(numbers)).ap
    without = [[i for i in numbers if level_of[i] != level] for level in range(len(detector.head.levels))]
    if len(without) == 1:  # all anchors are on one level: without each of them in turn
        without = [[i for i in numbers if i != gone] for gone in numbers]
    # the level that matters most without being everything
    dropped = max((k for k in without if scorer.score(k).ap > LEAST), key=lambda k: abs(scorer.score(k).ap - full))
    assert scorer.score(dropped).ap != full
    layouts = {"full": list(numbers), "thinned": [i for i in numbers if i % 3 != 1], "level dropped": dropped}
    for name, kept in layouts.items():
        layout = Layout.keep(detector.head, kept)
        sliced = slice_detector(detector, layout, tmp_path / name)
        object.__setattr__(sliced.model, "extract_feat", detector.model.extract_feat)
        assert largest_difference(detector, sliced, layout, case.batch["inputs"][:1]) < 1e-4, name
        exact = coco_figures(case.truth, detect(sliced, case.truth, case.annotations, case.images))["ap"]
        print(f"{detector.head.name}, {name}: AP {exact:.6f}, searched {scorer.score(kept).ap - exact:+.1e}")
        assert exact > LEAST, name
        assert scorer.score(kept).ap == pytest.approx(exact, abs=1e-4), name
        first, second = fit(sliced, case.batch, 2, 1e-5)
        assert second < first, name  # false too of a loss that is no number


@torch.no_grad()
def detected(detector: MmdetDetector, prepared: list):
    """What torch detects on prepared images, one result an image."""
    batch, metas = inputs(detector, prepared)
    head = detector.model.bbox_head
    return head.predict_by_feat(*head(detector.model.extract_feat(batch)), batch_img_metas=metas)


def without_level(case: Case, level: int, folder: Path) -> MmdetDetector:
    """The case's detector sliced to the anchors of all levels but one."""
    head = case.detector.head
    kept = [i for i, other in enumerate(head.level_of_anchor) if other != level]
    return slice_detector(case.detector, Layout.keep(head, kept), folder)


@pytest.mark.long
def test_onnx_runtime_detects_what_torch_does(case, tmp_path):
    """Images to detections, of the detector without one level: boxes to 0.01 px, scores to 1e-4."""
    form = input_form(case.detector)
    prepared = [prepare(case.images / image.file_name, form) for image in case.truth.images[:4]]
    # a briefly fitted head may detect on one level alone: without that one there is nothing to compare
    for level in range(len(case.detector.head.levels)):
        detector = without_level(case, level, tmp_path / str(level))
        expected = detected(detector, prepared)
        if all(len(found.scores) for found in expected):
            break
    models = export(detector, 18, FACTS)
    dets, labels = session(models.end_to_end).run(None, {"images": np.concatenate([p.pixels for p in prepared])})
    assert_batch_same(dets, labels, expected)
