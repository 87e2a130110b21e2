"""Raw exports of `anchorprune deploy`: read by their metadata, sliced as graphs, as exact as mmdet itself."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmdet")
from mmdet_raw import CLASSES, FORMS, IDS, detector_of, raw_outputs, write_data, write_export
from oracles.original_file import figures_of_file

from anchorprune.datasets.coco import read_coco
from anchorprune.detectors.evaluate import detect
from anchorprune.detectors.foreign import Foreign
from anchorprune.detectors.onnx.foreign import take_over
from anchorprune.detectors.predict import predict
from anchorprune.detectors.registry import load
from anchorprune.heads.cost import cost
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Predictions
from anchorprune.scoring import Scorer

pytestmark = pytest.mark.detectors
LONG = [pytest.param(name, marks=[] if name == "ssd" else pytest.mark.long) for name in FORMS]


@pytest.fixture(scope="module", params=LONG)
def made(request, tmp_path_factory):
    """mmdet's detector, and a folder with its data, its export, and the detector taken over from that."""
    folder, detector = tmp_path_factory.mktemp("made"), detector_of(request.param)
    write_data(detector, folder)
    path = write_export(detector, folder / "model-raw.onnx")
    take_over(Foreign("onnx::graph", "own", path), folder / "full")
    predict(load([folder / "full"]), folder / "truth.json", folder / "images", folder / "p.parquet", {})
    return detector, folder


def kept_of(head, case):
    """All; without the first, an inner, the last level; unequal numbers; one anchor alone."""
    level, count = np.array(head.level_of_anchor), len(head.levels)
    position = np.concatenate([np.arange(len(one.anchors)) for one in head.levels])
    chosen = {
        "all": level >= 0,
        "first": (level > 0) & (position != 1),
        "inner": level != 1,
        "last": level < count - 1,
        "unequal": (position + level) % 3 != 1,
        "one": np.arange(len(level)) == 4,
    }[case]
    return np.flatnonzero(chosen).tolist()


SHORT = ("first", "unequal")
CASES = [
    pytest.param(case, marks=[] if case in SHORT else pytest.mark.long)
    for case in ("all", "first", "inner", "last", "unequal", "one")
]


def test_the_head_is_the_detectors(made):
    detector, folder = made
    head = load([folder / "full"]).head
    assert (head.name, head.num_anchors) == ("own", detector.head.num_anchors)
    assert [level.anchors for level in head.levels] == [level.anchors for level in detector.head.levels]
    assert cost(Layout.full(head)) == cost(Layout.full(detector.head))


@pytest.mark.parametrize("case", CASES)
def test_a_sliced_export_is_mmdets_head_at_the_kept_anchors(made, case):
    detector, folder = made
    full = load([folder / "full"])
    layout = Layout.keep(full.head, kept_of(full.head, case))
    sliced = full.slice(layout, folder / f"sliced {case}")
    onnx.checker.check_model(str(sliced.source), full_check=True)
    form = full.read.said.metadata.input
    images = 255 * torch.rand(2, 3, form.height, form.width, generator=torch.Generator().manual_seed(5))
    wanted = {}
    for name, value in raw_outputs(detector, images).items():
        number = int(name.partition("_")[2])
        if own := list(layout.kept_per_level[number]):
            by_anchor = value.unflatten(1, (len(full.head.levels[number].anchors), -1))
            wanted[name] = by_anchor[:, own].flatten(1, 2).numpy()
    runs = onnxruntime.InferenceSession(sliced.source)
    assert [value.name for value in runs.get_inputs()] == ["images"]
    assert {value.name for value in runs.get_outputs()} == set(wanted)
    for value, found in zip(runs.get_outputs(), runs.run(None, {"images": images.numpy()}), strict=True):
        assert value.shape[1] == wanted[value.name].shape[1]
        np.testing.assert_allclose(found, wanted[value.name], rtol=1e-5, atol=1e-5 * np.abs(found).max())
    saved = macs_of(folder / "full/model.onnx", form) - macs_of(sliced.source, form)
    difference = cost(Layout.full(full.head)).macs - cost(layout).macs
    # A dropped level's part of the neck goes too, which is not counted as the head's.
    assert saved == difference if all(layout.kept_per_level) else saved >= difference > 0


def macs_of(path, form):
    """Multiply-accumulates of all convolutions of a file, from the shapes that ONNX infers."""
    model = onnx.load(path)
    del model.graph.value_info[:]
    for value in (*model.graph.input, *model.graph.output):
        for side in value.type.tensor_type.shape.dim:
            side.ClearField("dim_param")
    for side, size in zip(
        model.graph.input[0].type.tensor_type.shape.dim, (1, 3, form.height, form.width), strict=True
    ):
        side.dim_value = size
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    sides = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in [*graph.value_info, *graph.output]}
    weights = {tensor.name: int(np.prod(tensor.dims)) for tensor in graph.initializer}
    return sum(np.prod(sides[n.output[0]][2:]) * weights[n.input[1]] for n in graph.node if n.op_type == "Conv")


@pytest.mark.parametrize("case", SHORT)
def test_what_a_sliced_export_says_of_itself(made, case):
    _, folder = made
    full = load([folder / "full"])
    layout = Layout.keep(full.head, kept_of(full.head, case))
    sliced = full.slice(layout, folder / f"said {case}")
    before, after = (
        {p.key: json.loads(p.value) for p in onnx.load(one.source).metadata_props} for one in (full, sliced)
    )
    left = [i for i, own in enumerate(layout.kept_per_level) if own]
    assert [len(level["anchors"]) for level in after["head"]["levels"]] == list(layout.anchors_per_level)
    for key in ("anchor_centres", "strides"):
        assert after["coding"][key] == [before["coding"][key][i] for i in left]
    assert {int(name.partition("_")[2]) for name in after["coding"]["channels"]} == set(left)
    for values in (before, after):
        del values["head"], values["coding"]
    assert before == after
    assert {"classes", "input", "postprocess", "outputs"} < set(after)


def test_levels_share_weights_where_they_keep_the_same(made):
    """A RetinaNet's levels have one convolution; where they keep different anchors, each has its own part of it."""
    detector, folder = made
    full = load([folder / "full"])
    if not hasattr(detector.model.bbox_head, "retina_cls"):
        pytest.skip("its levels share nothing")
    kept = [i for i in range(full.head.num_anchors) if i % 9 in (2, 5) or i < 9]
    sliced = onnx.load(full.slice(Layout.keep(full.head, kept), folder / "sharing").source)
    makers = {node.output[0]: node for node in sliced.graph.node}
    rows = {tensor.name: tensor.dims[0] for tensor in sliced.graph.initializer if tensor.dims}
    for kind, width in (("cls", len(CLASSES)), ("reg", 4)):
        names = [makers[f"{kind}_{level}"].input[1] for level in range(5)]
        assert [rows[name] for name in names] == [9 * width, *[2 * width] * 4]
        assert len(set(names)) == 2
        assert len({makers[f"{kind}_{level}"].input[2] for level in range(5)}) == 2


@pytest.mark.long
def test_an_export_of_a_pruned_retinanet_is_sliced_too(tmp_path):
    """mmdet's side has pruned it to unequal levels: their weights are picked in the graph."""
    whole = detector_of("retinanet-stretched")
    kept = [i for i in range(whole.head.num_anchors) if i % 9 in (2, 5) or (i < 9 and i != 4)]
    detector = whole.slice(Layout.keep(whole.head, [i for i in kept if i // 9 != 2]), tmp_path / "pruned")
    path = write_export(detector, tmp_path / "model-raw.onnx")
    makers = {name: node for node in onnx.load(path).graph.node for name in node.output}
    assert makers["cls_1"].input[1] in makers, "a computed weight"
    take_over(Foreign("onnx::graph", "own", path), tmp_path / "full")
    full = load([tmp_path / "full"])
    layout = Layout.keep(full.head, (0, 3, 9, 11))
    sliced = full.slice(layout, tmp_path / "sliced")
    images = 255 * torch.rand(1, 3, 128, 160, generator=torch.Generator().manual_seed(5))
    wanted, runs = raw_outputs(detector, images), onnxruntime.InferenceSession(sliced.source)
    assert [value.name for value in runs.get_outputs()] == ["cls_0", "reg_0", "cls_1", "reg_1", "cls_3", "reg_3"]
    for value, found in zip(runs.get_outputs(), runs.run(None, {"images": images.numpy()}), strict=True):
        level = int(value.name[-1])
        own = wanted[value.name].unflatten(1, (len(full.head.levels[level].anchors), -1))
        own = own[:, list(layout.kept_per_level[level])].flatten(1, 2).numpy()
        np.testing.assert_allclose(found, own, rtol=1e-5, atol=1e-5 * np.abs(found).max())


def test_sliced_twice_is_sliced_once(made, tmp_path):
    _, folder = made
    full = load([folder / "full"])
    once = full.slice(Layout.keep(full.head, (1, 2)), tmp_path / "once")
    first = full.slice(Layout.keep(full.head, (0, 1, 2, 5)), tmp_path / "first")
    twice = first.slice(Layout.keep(first.head, (1, 2)), tmp_path / "twice")
    assert once.head == twice.head
    form = full.read.said.metadata.input
    image = 255 * np.random.default_rng(0).random((1, 3, form.height, form.width)).astype(np.float32)
    found = [onnxruntime.InferenceSession(d.source).run(None, {"images": image}) for d in (once, twice)]
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_candidates_are_those_that_mmdet_predicts(made):
    """Scores to 1e-4, boxes to 1e-4 of the image's size; nearly all, since a score may lie on the threshold."""
    detector, folder = made
    split = folder / "truth.json", folder / "images"
    sizes = {image.id: max(image.width, image.height) for image in read_coco(split[0]).images}
    for mine, theirs in zip(load([folder / "full"]).candidates(*split), detector.candidates(*split), strict=True):
        assert mine.image_id == theirs.image_id
        assert len(theirs.score) > 100
        near = []
        for one, other in ((mine, theirs), (theirs, mine)):
            for anchor, label, score, box in zip(one.anchor, one.label, one.score, one.boxes, strict=True):
                like = (other.anchor == anchor) & (other.label == label) & (abs(other.score - score) < 1e-4)
                shift = np.abs(other.boxes[like] - box).max(1, initial=0)
                near.append(bool((shift < 1e-4 * sizes[mine.image_id]).any()))
        assert np.mean(near) > 0.995


@pytest.mark.parametrize("case", CASES)
def test_the_searched_ap_is_the_sliced_files_and_mmdets(made, case, tmp_path):
    """By pycocotools, 1e-4; mmdet's own sliced detector, whose NMS rounds otherwise, to 2e-3."""
    detector, folder = made
    truth, full = read_coco(folder / "truth.json"), load([folder / "full"])
    kept = kept_of(full.head, case)
    sliced = full.slice(Layout.keep(full.head, kept), tmp_path / "sliced")
    found = list(detect(sliced, truth, folder / "truth.json", folder / "images").rows())
    measured = figures_of_file(folder / "truth.json", found)["ap"]
    assert Scorer(Predictions.open(folder / "p.parquet"), truth).ap(kept) == pytest.approx(measured, abs=1e-4)
    theirs = detector.slice(Layout.keep(detector.head, kept), tmp_path / "theirs")
    rows = list(detect(theirs, truth, folder / "truth.json", folder / "images").rows())
    assert measured == pytest.approx(figures_of_file(folder / "truth.json", rows)["ap"], abs=2e-3)
    assert measured > 0.005
    assert {row["category_id"] for row in found} <= set(IDS)
