"""ONNX models for images of many sizes, against mmdet: decoding, preparation, the command, metadata."""

import json
from dataclasses import asdict

import cv2
import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from oracles.fitting import calibrate, training_batch
from oracles.mmdet_detectors import DETECTORS, read
from oracles.torch_detections import FACTS, assert_batch_same, assert_same
from running.card_example import run_example

from anchorprune.datasets.coco import read_coco
from anchorprune.deploy.onnx import accuracy
from anchorprune.deploy.onnx.any_size import AnySizeLevel
from anchorprune.deploy.onnx.coding import DeltaCoding
from anchorprune.deploy.onnx.finish import finish
from anchorprune.deploy.onnx.images import prepare
from anchorprune.deploy.onnx.metadata import InputForm, Metadata
from anchorprune.deploy.onnx.session import OnnxDetector, session
from anchorprune.detectors.evaluate import detect
from anchorprune.detectors.mmdet.config.prunable import make_prunable
from anchorprune.detectors.mmdet.detector import MmdetDetector
from anchorprune.detectors.mmdet.export import any_size_levels, coding_of, export
from anchorprune.detectors.mmdet.folder import write_folder
from anchorprune.detectors.mmdet.inference.loop import prepared_images
from anchorprune.detectors.mmdet.input_form import input_form
from anchorprune.detectors.mmdet.model import build, describe, postprocess
from anchorprune.detectors.mmdet.pruned import slice_detector
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Postprocess

RETINANET = "retinanet/retinanet_r18_fpn_1x_coco.py"
YOLO = "yolo/yolov3_mobilenetv2_8xb24-320-300e_coco.py"
SSD = "ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco.py"


def detector_of(name: str, size: tuple[int, int], keep_ratio: bool = True, change=lambda test: None) -> MmdetDetector:
    cfg = read(name, size)
    make_prunable(cfg)
    change(cfg.model.test_cfg)
    for step in cfg.test_dataloader.dataset.pipeline:
        if step.type == "Resize":
            step.update(scale=size, keep_ratio=keep_ratio)
    torch.manual_seed(0)
    model = build(cfg)
    model.init_weights()
    model.eval()
    return MmdetDetector(cfg, model, describe(cfg, model))


@pytest.fixture(scope="module")
def photos(shared_data, tmp_path_factory):
    """Six photos of COCO, upright and not: the annotations and the folder."""
    subset = shared_data / "coco2017_subset"
    value = json.loads((subset / "annotations/instances_val2017.json").read_text())
    by_shape = sorted(value["images"], key=lambda image: image["width"] / image["height"])
    value["images"] = [*by_shape[:3], *by_shape[-3:]]
    assert len({(image["width"], image["height"]) for image in value["images"]}) > 3
    kept = {image["id"] for image in value["images"]}
    value["annotations"] = [a for a in value["annotations"] if a["image_id"] in kept]
    path = tmp_path_factory.mktemp("photos") / "annotations.json"
    path.write_text(json.dumps(value))
    return path, subset / "val2017"


# ---- decoding


def of_any_class(test):
    test.nms.class_agnostic = True


def of_some_size(test):
    test.min_bbox_size = 24
    test.max_per_img = 37


@pytest.mark.parametrize("change", [lambda test: None, of_any_class, of_some_size], ids=["plain", "agnostic", "sized"])
@pytest.mark.parametrize("name", [SSD, RETINANET, YOLO], ids=["ssd", "retinanet", "yolo"])
def test_decoding_and_nms_are_mmdets_on_images_of_every_size(name, change, tmp_path):
    """One model, on random outputs of three input sizes, for batches of images that are not equally large in them."""
    full = detector_of(name, DETECTORS[name], change=change)
    kept = [i for i, level in enumerate(full.head.level_of_anchor) if level != 1]
    detector = slice_detector(full, Layout.keep(full.head, kept), tmp_path)
    head, coding, levels = detector.model.bbox_head, coding_of(detector), any_size_levels(detector)
    model = session(finish(levels, coding, postprocess(detector.config), 18))
    generator = torch.Generator().manual_seed(3)
    for width, height in ((320, 192), (192, 256), (128, 96)):
        with torch.no_grad():
            grids = [f.shape[-2:] for f in detector.model.extract_feat(torch.zeros(1, 3, height, width))]
        counts = [len(level.anchors) for level in detector.head.levels]
        maps = [
            [torch.randn(2, n * c, *grid, generator=generator) for n, grid in zip(counts, grids, strict=True)]
            for c in coding.channels
        ]
        if name != SSD:
            maps[0] = [m * 1.5 - 3 for m in maps[0]]
        parts = [part for part in zip(*maps, strict=True) if part[0].shape[1]]
        feeds = {
            key: m.numpy()
            for level, part in zip(levels, parts, strict=True)
            for key, m in zip(level.names, part, strict=True)
        }
        sizes = [(width - 7, height - 12), (width, height - 1)]
        assert ("sizes" in [value.name for value in model.get_inputs()]) == (name != YOLO), "YOLOv3 does not clip"
        if name != YOLO:
            feeds["sizes"] = np.array(sizes, np.float32)
        dets, labels = model.run(None, feeds)
        metas = [{"img_shape": (h, w), "scale_factor": (1.0, 1.0)} for w, h in sizes]
        outputs = (tuple(maps[0]),) if len(maps) == 1 else maps
        assert_batch_same(dets, labels, head.predict_by_feat(*outputs, batch_img_metas=metas))


def test_a_small_image_has_fewer_detections_than_the_most():
    """Two cells of one anchor and one class: two pairs, where 100 may be found; the boxes are the anchors, clipped."""
    level = AnySizeLevel(("cls_0", "reg_0"), np.array([[-8, -8, 8, 8]], np.float32), (32, 16))
    coding = DeltaCoding(1, False, (0,) * 4, (1,) * 4, 4.0, (999, 999))
    model = session(finish([level], coding, Postprocess(0.05, 0.5, 1000, 100, 0.0, False), 18))
    feeds = {"cls_0": np.zeros((1, 1, 1, 2)), "reg_0": np.zeros((1, 4, 1, 2)), "sizes": [[36, 5]]}
    dets, labels = model.run(None, {name: np.array(value, np.float32) for name, value in feeds.items()})
    np.testing.assert_allclose(dets[0], [[0, 0, 8, 5, 0.5], [24, 0, 36, 5, 0.5]])
    assert labels.tolist() == [[0, 0]]


# ---- images


@pytest.mark.parametrize("size", [(224, 160), (150, 210)], ids=["wide", "tall"])
def test_images_are_scaled_and_padded_as_mmdet_does(photos, size):
    annotations, images = photos
    detector = detector_of(RETINANET, size)
    form = input_form(detector, any_size=True)
    assert (form.scale, form.divisor) == (size, 32)
    truth, shapes = {image.id: image for image in read_coco(annotations).images}, set()
    preprocessor = detector.model.data_preprocessor
    for batch in prepared_images(detector, annotations, images, "test"):
        (sample,) = batch["data_samples"]
        ours = prepare(images / truth[sample.img_id].file_name, form)
        expected = batch["inputs"].numpy()
        found = (torch.from_numpy(ours.pixels) - preprocessor.mean) / preprocessor.std
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)
        assert ours.size[::-1] == sample.img_shape
        assert ours.scale == pytest.approx(sample.scale_factor)
        shapes.add(expected.shape)
    assert {shape[2] > shape[3] for shape in shapes} == {True, False}


def test_boxes_beyond_the_edge_stay_where_the_detector_leaves_them(tmp_path):
    path = tmp_path / "wide.png"
    cv2.imwrite(str(path), np.full((30, 60, 3), 9, np.uint8))
    boxes = np.array([[4.0, 2.0, 50.0, 39.0]])
    free = prepare(path, InputForm(64, 64, True, (0, 0, 0), (40, 40), divisor=32))
    assert free.pixels.shape == (1, 3, 32, 64)
    np.testing.assert_allclose(free.to_original(boxes), [[6, 3, 75, 58.5]])
    fixed = prepare(path, InputForm(64, 64, True, (0, 0, 0), (40, 40)))
    np.testing.assert_allclose(fixed.to_original(boxes), [[6, 3, 60, 30]])


@pytest.mark.long
def test_a_detector_that_does_not_clip_detects_alike(photos, tmp_path):
    """YOLOv3, whose boxes may lie beyond the image's edge; its ONNX model takes no sizes."""
    annotations, images = photos
    detector = detector_of(YOLO, (160, 128))
    calibrate(detector, training_batch(prepared_images(detector, annotations, images, "calibrate"))["inputs"])
    with torch.no_grad():
        for last in detector.model.bbox_head.convs_pred:
            scored = last.weight.view(3, 85, -1)[:, 4:], last.bias.view(3, 85)[:, 4:]  # a box's four come first
            scored[0].mul_(30)
            scored[1].add_(3)
    truth = read_coco(annotations)
    expected = detect(detector, truth, annotations, images)
    models = export(detector, 18, FACTS, any_size=True)
    onnx.save(models.end_to_end, tmp_path / "model.onnx")
    found = accuracy.detect(OnnxDetector(tmp_path / "model.onnx"), truth, images, "test")
    assert len(found) == len(expected) > 10
    for image in truth.images:
        here = [results.chosen(results.image_ids == image.id) for results in (found, expected)]
        assert_same(*((one.boxes, one.scores, one.category_ids) for one in here))

    chosen = truth.images[0], truth.images[-1]  # upright, and not
    files = [images / image.file_name for image in chosen]
    for image, photo, theirs in zip(chosen, files, detector.on_photos(files), strict=True):
        ours = run_example(tmp_path / "model.onnx", photo, tmp_path / f"example-{image.id}")
        seen = theirs.above(0.3)
        assert len(ours) == len(seen.scores) > 0
        cut = np.clip(seen.boxes, None, np.tile((image.width, image.height), 2))
        scores = np.sort([score for _, (score, *_) in ours])
        np.testing.assert_allclose(scores, np.sort(seen.scores), atol=1e-3)
        np.testing.assert_allclose(np.sort([box for _, (_, *box) in ours], 0), np.sort(cut, 0), atol=0.06)


# ---- the command


@pytest.mark.long
def test_the_command_writes_it_where_the_ratio_is_kept(photos, run_command, tmp_path):
    annotations, images = photos
    cfg = tmp_path / "retinanet"
    detector = detector_of(RETINANET, (128, 96))
    detector.config["anchorprune"].classes = list(read_coco(annotations).category_names)
    write_folder(cfg, detector.config, detector.head, detector.model.state_dict())
    said = {}
    for more in ((), ("--fixed-size",)):
        folder = tmp_path / f"out{len(more)}"
        split = ("--int8", "--calibration", annotations, images, "--annotations", annotations, "--images", images)
        done = run_command("deploy", cfg, "--output", folder, *split, *more)
        assert done.status == 0, done.err
        assert ("AP is not quite that" in done.err) == bool(more)
        assert set(done.json["ap"]) == {"model", "model-int8"}
        model = onnx.load(folder / "model.onnx")
        assert {node.domain for node in model.graph.node} == {""}, "standard operators only"
        assert "CastLike" not in {node.op_type for node in model.graph.node}
        said[more] = Metadata.from_properties({p.key: p.value for p in model.metadata_props}, "model").input
        shapes = {v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.input}
        assert shapes == (
            {"images": ["batch", 3, 96, 128]}
            if more
            else {"images": ["batch", 3, "height", "width"], "sizes": ["batch", 2]}
        )
    assert [form.divisor for form in said.values()] == [32, None]
    assert said[()].scale == (128, 96)


@pytest.mark.long
def test_other_detectors_models_stay_the_same():
    detector = detector_of(SSD, (96, 96), keep_ratio=False)
    models = [export(detector, 18, FACTS, any_size) for any_size in (True, False)]
    first, second = (each.end_to_end.SerializeToString(deterministic=True) for each in models)
    assert first == second
    assert "divisor" not in models[0].metadata.to_properties()["input"]


def test_metadata_of_every_size_are_read_and_older_ones_as_before():
    form = InputForm(1344, 800, True, (1.0, 2.0, 3.0), (1333, 800), divisor=32)
    metadata = Metadata({}, ("a",), form, {}, 18, {})
    assert Metadata.from_properties(metadata.to_properties(), "model") == metadata
    older = {key: value for key, value in asdict(form).items() if key != "divisor"}
    properties = {**metadata.to_properties(), "input": json.dumps(older)}
    assert Metadata.from_properties(properties, "model").input.divisor is None
