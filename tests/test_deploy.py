"""ONNX models against torch: the small trained detector, and each family with mmdet's own post-processing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

import onnx
from onnx.reference import ReferenceEvaluator
from oracles.mmdet_detectors import DETECTORS, read
from oracles.original_file import figures_of_file, file_with
from oracles.torch_detections import FACTS, assert_batch_same, assert_same
from running.card_example import run_example

from anchorprune.datasets.coco import read_coco
from anchorprune.deploy.onnx import accuracy
from anchorprune.deploy.onnx.finish import finish
from anchorprune.deploy.onnx.images import prepare
from anchorprune.deploy.onnx.metadata import InputForm, Metadata
from anchorprune.deploy.onnx.models import Models, with_batch
from anchorprune.deploy.onnx.runtimes import open_models
from anchorprune.deploy.onnx.session import OnnxDetector, session
from anchorprune.detectors.evaluate import detect
from anchorprune.detectors.mmdet.config.prunable import make_prunable
from anchorprune.detectors.mmdet.detector import MmdetDetector, load
from anchorprune.detectors.mmdet.export import coding_of, export, level_outputs
from anchorprune.detectors.mmdet.model import build, describe, postprocess
from anchorprune.detectors.mmdet.pruned import slice_detector
from anchorprune.errors import UserError
from anchorprune.heads.layout import Layout


@pytest.fixture(scope="module")
def detector(trained):
    return load(trained.config, trained.weights)


@pytest.fixture(scope="module")
def models(detector):
    return export(detector, 18, FACTS)


@pytest.fixture(scope="module")
def deployed(trained, run_command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("deployed")
    annotations, images = trained.split("test")
    done = run_command(
        *("deploy", trained.config, trained.weights, "--output", folder, "--int8", "--calibration-images", 20),
        *("--calibration", *trained.split("prune"), "--annotations", annotations, "--images", images),
    )
    assert done.status == 0, done.err
    return folder, done


def test_onnx_detects_what_mmdet_detects(trained, detector, deployed):
    annotations, images = trained.split("test")
    truth = read_coco(annotations)
    expected = detect(detector, truth, annotations, images)
    found = accuracy.detect(OnnxDetector(deployed[0] / "model.onnx"), truth, images, "test")
    assert len(found) == len(expected)
    for image in truth.images:
        here = [results.chosen(results.image_ids == image.id) for results in (found, expected)]
        assert_same(*((one.boxes, one.scores, one.category_ids) for one in here))


def test_the_model_cards_example_finds_what_mmdet_finds(trained, detector, deployed, tmp_path):
    """On the photo with most to see, without torch and this package."""
    _, images = trained.split("test")
    photos = sorted(images.iterdir())
    photo, expected = max(
        ((photo, found.above(0.3)) for photo, found in zip(photos, detector.on_photos(photos), strict=True)),
        key=lambda pair: len(pair[1].scores),
    )
    found = run_example(deployed[0] / "model.onnx", photo, tmp_path)
    assert len(found) == len(expected.scores) >= 2
    order = np.argsort(-expected.scores, kind="stable")
    for (name, (score, *box)), i in zip(found, order, strict=True):
        assert name == detector.classes[expected.labels[i]]
        assert score == pytest.approx(expected.scores[i], abs=1e-3)
        np.testing.assert_allclose(box, expected.boxes[i], atol=0.06)


def test_metrics_and_what_is_printed(trained, run_command, deployed, tmp_path):
    folder, done = deployed
    metrics = json.loads((folder / "metrics-onnx.json").read_text())
    annotations, images = trained.split("test")
    run_command("evaluate", trained.config, trained.weights, annotations, images, "--output", tmp_path)
    assert metrics["models"]["model"]["ap"] == pytest.approx(
        json.loads((tmp_path / "metrics.json").read_text())["ap"], abs=1e-6
    )
    assert done.json["ap"]["model"] == metrics["models"]["model"]["ap"] > 0.05
    assert metrics["models"]["model-int8"]["ap"] > 0.8 * metrics["models"]["model"]["ap"]
    assert metrics["models"]["model-int8"]["ap"] != metrics["models"]["model"]["ap"]
    assert done.err.strip() == "" or "Traceback" not in done.err
    small, large = ((folder / f"{name}.onnx").stat().st_size for name in ("model-int8", "model"))
    assert small < 0.5 * large


def test_ap_on_a_sample_is_stated_with_its_interval(deployed, trained, tmp_path):
    """AP by pycocotools on the sample's images alone; the interval beside an error from leaving one image out each."""
    annotations, images = trained.split("test")
    model, known = deployed[0] / "model.onnx", json.loads(annotations.read_text())
    metrics = accuracy.evaluate({"model": model}, annotations, images, tmp_path, {}, 1, most=12)
    ids = sorted(image["id"] for image in known["images"])
    sample = [ids[round(n * (len(ids) - 1) / 11)] for n in range(12)]
    assert (metrics["images"], metrics["split_images"]) == (12, len(ids))
    rows = list(accuracy.detect(OnnxDetector(model), read_coco(annotations), images, "test").rows())

    def ap(chosen):
        def only(data):
            for key, name in (("images", "id"), ("annotations", "image_id")):
                data[key] = [record for record in data[key] if record[name] in chosen]

        file = file_with(tmp_path / "some.json", only, annotations)
        return figures_of_file(file, [row for row in rows if row["image_id"] in chosen])["ap"]

    found = metrics["models"]["model"]
    assert found["ap"] == pytest.approx(ap(sample), abs=1e-9)
    without = [ap([i for i in sample if i != left_out]) for left_out in sample]
    error = np.sqrt(11 / 12 * np.sum((without - np.mean(without)) ** 2))
    low, high = found["interval"]
    assert low < found["ap"] < high
    assert 0.5 < (high - low) / (2 * 1.96 * error) < 2


def test_a_model_says_all_that_its_user_must_know(detector, deployed):
    forms = {"model": "dets (batch, K, 5)", "model-decoded": "boxes (batch, M, 4)", "model-raw": "raw outputs"}
    for name in ("model-raw", "model-decoded", "model-int8", "model"):
        model = onnx.load(deployed[0] / f"{name}.onnx")
        assert {node.domain for node in model.graph.node} == {""}, "standard operators only"
        domains = [entry.domain for entry in model.opset_import]
        assert len(domains) == len(set(domains)), "each set of operators once"
        assert "CastLike" not in {node.op_type for node in model.graph.node}, "constants have their final type"
        said = Metadata.from_properties({p.key: p.value for p in model.metadata_props}, name)
        props = {p.key: p.value for p in model.metadata_props}
        form = forms[name.replace("-int8", "")]
        assert form in json.loads(props["outputs"])
        assert form in model.doc_string
        assert "/" not in said.provenance["weights"].replace("results/", ""), "no folders of the maker's machine"
        assert said.head == detector.head.to_dict()
        assert said.classes == ("ellipse", "rectangle", "triangle")
        assert said.input == InputForm(128, 128, False, pytest.approx((123.675, 116.28, 103.53), abs=1e-3))
        assert said.postprocess["nms_iou"] == 0.45
        assert said.opset == model.opset_import[0].version == 18
    coding = said.coding
    assert (coding["activation"], coding["background"], coding["clip"]) == ("softmax", 3, [128, 128])
    assert (coding["means"], coding["stds"]) == ([0, 0, 0, 0], [0.1, 0.1, 0.2, 0.2])
    assert coding["anchor_centres"] == [[4, 4], [8, 8], [16, 16], [32, 32]]
    assert coding["channels"] == {f"{kind}_{level}": 4 for level in range(4) for kind in ("cls", "reg")}
    assert coding["channel_order"] == ["anchor", "code"]
    shapes = {v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.output}
    assert shapes == {"dets": ["batch", 100, 5], "labels": ["batch", 100]}


def test_every_box_and_plain_nms_make_the_same_detections(trained, deployed):
    """`model-decoded` and an NMS in a few lines of numpy, against `model`."""
    whole, every = (session(deployed[0] / f"{name}.onnx") for name in ("model", "model-decoded"))
    metadata = OnnxDetector(deployed[0] / "model-decoded.onnx").metadata
    number = 0
    for path in sorted(trained.split("test")[1].iterdir())[:8]:
        feeds = {"images": prepare(path, metadata.input).pixels}
        boxes, scores = (output[0] for output in every.run(None, feeds))
        dets, labels = (output[0] for output in whole.run(None, feeds))
        found = labels >= 0
        expected = plain_nms(boxes, scores, metadata.head["levels"], metadata.postprocess)
        assert_same((dets[found, :4], dets[found, 4], labels[found]), expected)
        number += found.sum()
    assert number > 20


def plain_nms(boxes, scores, levels, post):
    """Boxes, scores and labels after the best pairs of each level and greedy suppression, class by class."""
    limits = np.cumsum([len(level["anchors"]) * np.prod(level["grid"]) for level in levels])
    assert limits[-1] == len(boxes)
    pairs = []
    for part in np.split(np.arange(len(boxes)), limits[:-1]):
        own = [(scores[i, c], i, c) for i in part for c in range(scores.shape[1]) if scores[i, c] > 0]
        pairs += sorted(own, key=lambda pair: -pair[0])[: post["nms_pre"]]
    kept = []
    for score, i, label in sorted(pairs, key=lambda pair: -pair[0]):
        rivals = [boxes[j] for _, j, other in kept if other == label]
        if score > post["score_threshold"] and all(iou(boxes[i], rival) <= post["nms_iou"] for rival in rivals):
            kept.append((score, i, label))
    best = kept[: post["max_per_image"]]
    return tuple(np.array([each[k] for each in ((boxes[i], s, c) for s, i, c in best)]) for k in range(3))


def iou(first, second):
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    common = np.prod(np.maximum(sides, 0))
    return common / (np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - common)


# Of those that TensorRT 8.5 and later read, what a detector may need. Source: the support matrix of onnx-tensorrt,
# docs/operators.md, of release 8.5; constants for K of TopK and axes are among its conditions.
TENSORRT = (
    "Add Clip Concat Conv Div Exp Greater GreaterOrEqual LeakyRelu Max MaxPool Min Mul Pow ReduceSum Relu Reshape "
    "Resize Sigmoid Slice Softmax Split Sqrt Sub Transpose Where"
)


def test_every_box_needs_no_shape_that_is_computed(deployed):
    model = onnx.load(deployed[0] / "model-decoded.onnx")
    used = {node.op_type for node in model.graph.node}
    assert used <= set(TENSORRT.split())
    constants = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type in ("Reshape", "Slice", "Split"):
            assert set(node.input[1:]) <= constants
    shapes = {v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.output}
    assert shapes == {"boxes": ["batch", 1012, 4], "scores": ["batch", 1012, 3]}


def test_onnxs_own_evaluator_and_opencv_detect_the_same(trained, models):
    paths = sorted(trained.split("test")[1].iterdir())[:2]
    images = [prepare(path, models.metadata.input).pixels for path in paths]
    runs = [ReferenceEvaluator(models.end_to_end).run, session(models.end_to_end).run]
    for image in images:
        for ours, theirs in zip(*(run(None, {"images": image}) for run in runs), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-3)
    opencv, onnx_runtime = open_models("opencv", models, 1), session(models.end_to_end)
    for image in images:
        dets, labels = (output[0] for output in onnx_runtime.run(None, {"images": image}))
        found, own = opencv.run({"images": image})
        there = labels >= 0
        assert_same((found[:, :4], found[:, 4], own), (dets[there, :4], dets[there, 4], labels[there]))
    nothing = replace(models.metadata, postprocess={**models.metadata.postprocess, "score_threshold": 0.999})
    silent = open_models("opencv", replace(models, metadata=nothing), 1)
    assert [len(part) for part in silent.run({"images": images[0]})] == [0, 0]


def test_a_fixed_batch_is_one_of_that_many(models):
    model = with_batch(models.end_to_end, 2)
    sides = [value.type.tensor_type.shape.dim[0] for value in (*model.graph.input, *model.graph.output)]
    assert [side.dim_value for side in sides] == [2, 2, 2]
    dets, labels = session(model).run(None, {"images": np.zeros((2, 3, 128, 128), np.float32)})
    assert (dets.shape, labels.shape) == ((2, 100, 5), (2, 100))


def test_a_batch_is_its_images_one_by_one(trained, deployed):
    model = session(deployed[0] / "model.onnx")
    form = InputForm(128, 128, False, (0, 0, 0))
    images = [prepare(path, form).pixels for path in sorted(trained.split("test")[1].iterdir())[:3]]
    dets, labels = model.run(None, {"images": np.concatenate(images)})
    for i, image in enumerate(images):
        alone = model.run(None, {"images": image})
        np.testing.assert_allclose(alone[0][0], dets[i], atol=1e-3)
        np.testing.assert_array_equal(alone[1][0], labels[i])
    nothing = model.run(None, {"images": np.zeros_like(images[0])})
    assert ((nothing[1] >= 0) == (nothing[0][..., 4] > 0)).all()


def test_levels_without_anchors_leave_nothing_behind(detector, tmp_path):
    layout = Layout.keep(detector.head, [0, 2, 6, 7])
    models = export(slice_detector(detector, layout, tmp_path), 18, FACTS)
    assert models.raw_names == ["cls_0", "reg_0", "cls_2", "reg_2"]
    assert models.feature_names == ["feature_0", "feature_2"]
    full = {name for name in detector.model.state_dict() if "bbox_head" in name}
    gone = {name for name in full if ".1." in name or ".3." in name}
    weights = {tensor.name for tensor in models.end_to_end.graph.initializer}
    assert any(name.endswith(tuple(full - gone)) for name in weights)
    assert not [name for name in weights if name.endswith(tuple(gone)) or "extra_layers.1" in name]
    shapes = {t.dims[0] for t in models.end_to_end.graph.initializer if "bbox_head" in t.name}
    assert shapes == {2 * 4}  # two anchors on each level, of 3 classes and background, or 4 deltas
    text = " ".join(name for node in models.end_to_end.graph.node for name in (*node.input, *node.output))
    assert not any(word in text for word in ("cls_1", "reg_1", "cls_3", "reg_3", "feature_1", "feature_3"))


# ---- the families


def family(name: str, change=lambda test: None) -> MmdetDetector:
    cfg = read(name, DETECTORS[name])
    make_prunable(cfg)
    change(cfg.model.test_cfg)
    torch.manual_seed(0)
    model = build(cfg)
    model.init_weights()
    model.eval()
    return MmdetDetector(cfg, model, describe(cfg, model))


def of_any_class(test):
    test.nms.class_agnostic = True


def of_some_size(test):
    test.min_bbox_size = 24
    test.max_per_img = 37


FAMILIES = {
    "ssd": "ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco.py",
    "retinanet": "retinanet/retinanet_r18_fpn_1x_coco.py",
    "yolo": "yolo/yolov3_mobilenetv2_8xb24-320-300e_coco.py",
}


@pytest.mark.parametrize("change", [lambda test: None, of_any_class, of_some_size], ids=["plain", "agnostic", "sized"])
@pytest.mark.parametrize("name", FAMILIES)
def test_decoding_and_nms_are_mmdets(name, change, tmp_path):
    """On random outputs, for a batch of three, of a detector whose second level has no anchors."""
    full = family(FAMILIES[name], change)
    kept = [i for i, level in enumerate(full.head.level_of_anchor) if level != 1]
    detector = slice_detector(full, Layout.keep(full.head, kept), tmp_path)
    head, test = detector.model.bbox_head, detector.config.model.test_cfg
    model = session(finish(level_outputs(detector), coding_of(detector), postprocess(detector.config), 18))
    generator = torch.Generator().manual_seed(3)
    channels = coding_of(detector).channels
    shapes = [(len(level.anchors), level.grid) for level in detector.head.levels]
    maps = [[torch.randn(3, n * c, *grid, generator=generator) for n, grid in shapes] for c in channels]
    if name != "ssd":
        maps[0] = [m * 1.5 - 3 for m in maps[0]]
    named = {
        key: m.numpy()
        for level, part in zip(level_outputs(detector), kept_maps(maps), strict=True)
        for key, m in zip(level.names, part, strict=True)
    }
    dets, labels = model.run(None, named)
    outputs = (tuple(maps[0]),) if len(maps) == 1 else maps
    size = detector.head.input_size[::-1]
    metas = [{"img_shape": size, "scale_factor": (1.0, 1.0)}] * 3
    assert_batch_same(dets, labels, head.predict_by_feat(*outputs, batch_img_metas=metas))
    assert ((labels >= 0).sum(1) <= test.max_per_img).all()


def kept_maps(maps):
    return [part for part in zip(*maps, strict=True) if part[0].shape[1]]


# ---- bad input


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--opset", 17], "--opset 17: torch writes ONNX opsets 18 to 23"),
        (["--opset", 99], "--opset 99: torch writes ONNX opsets 18 to 23"),
        (["--int8"], "--int8 needs --calibration"),
        (["--annotations", "test.json"], "go together"),
        (["--runtime", "opencv"], "--runtime needs --annotations"),
        (["--annotations", "test.json", "--images", ".", "--batch", 2], "needs --batch 1"),
    ],
)
def test_bad_options_are_one_line(trained, run_command, tmp_path, more, message):
    done = run_command("deploy", trained.config, trained.weights, "--output", tmp_path / "out", *more)
    assert done.status == 2
    assert message in done.error_line
    assert not (tmp_path / "out").exists()


def test_post_processing_without_onnx_form_is_named(detector):
    for key, value, message in (
        ("nms", {"type": "soft_nms", "iou_threshold": 0.5}, "test_cfg.nms.type is 'soft_nms'"),
        ("nms", {"type": "nms", "iou_threshold": 0.5, "max_num": 3}, "test_cfg.nms has key 'max_num'"),
        ("max_per_img", -1, "max_per_img must be at least 1"),
    ):
        changed = MmdetDetector(detector.config.copy(), detector.model, detector.head)
        changed.config.model = detector.config.model.copy()
        changed.config.model.test_cfg = {**detector.config.model.test_cfg, key: value}
        with pytest.raises(UserError, match=message):
            export(changed, 18, FACTS)


def test_other_models_and_images_are_refused(deployed, trained, tmp_path):
    with pytest.raises(UserError, match="no such model"):
        OnnxDetector(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("not a model")
    with pytest.raises(UserError, match="refuses this model"):
        OnnxDetector(tmp_path / "text.onnx")
    model = onnx.load(deployed[0] / "model.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "bare.onnx")
    with pytest.raises(UserError, match="no model of `anchorprune deploy`"):
        OnnxDetector(tmp_path / "bare.onnx")
    form = InputForm(8, 8, False, (0, 0, 0))
    with pytest.raises(UserError, match="is missing"):
        prepare(tmp_path / "none.jpg", form)
    (tmp_path / "empty.jpg").write_bytes(b"")
    with pytest.raises(UserError, match="damaged or cut off"):
        prepare(tmp_path / "empty.jpg", form)


def test_a_kept_ratio_is_padded_and_undone(tmp_path):
    import cv2

    path = tmp_path / "wide.png"
    cv2.imwrite(str(path), np.full((30, 60, 3), (10, 20, 30), np.uint8))
    image = prepare(path, InputForm(40, 40, True, (1.0, 2.0, 3.0)))
    assert (image.size, image.scale) == ((40, 20), (40 / 60, 20 / 30))
    np.testing.assert_array_equal(image.pixels[0, :, 0, 0], [30, 20, 10])  # RGB
    np.testing.assert_array_equal(image.pixels[0, :, 39, 39], [1, 2, 3])
    boxes = image.to_original(np.array([[4.0, 2.0, 40.0, 39.0]]))
    np.testing.assert_allclose(boxes, [[6, 3, 60, 30]])


def test_models_are_made_of_the_same_parts(models, trained):
    assert isinstance(models, Models)
    pixels = prepare(sorted(Path(trained.split("test")[1]).iterdir())[0], models.metadata.input).pixels
    features = session(models.features).run(models.feature_names, {"images": pixels})
    raw = session(models.head).run(models.raw_names, dict(zip(models.feature_names, features, strict=True)))
    dets, labels = session(models.finish).run(None, dict(zip(models.raw_names, raw, strict=True)))
    whole = session(models.end_to_end).run(None, {"images": pixels})
    np.testing.assert_allclose(dets, whole[0], atol=1e-3)
    np.testing.assert_array_equal(labels, whole[1])
