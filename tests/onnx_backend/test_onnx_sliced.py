"""Exports of YOLOv5's form: a sliced graph is the whole one with anchors masked, however it was exported."""

import numpy as np
import onnx
import onnxruntime
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
from onnx.reference import ReferenceEvaluator
from yolo_form import ANCHORS, CLASSES, SIZE, STRIDES, WIDTH, boxes_on, decoded, export, network, write_data

from anchorprune.detectors.foreign import Foreign
from anchorprune.detectors.onnx.foreign import take_over
from anchorprune.detectors.registry import load
from anchorprune.heads.cost import cost
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout

pytestmark = pytest.mark.detectors

# All; unequal numbers; the finest level dropped; an inner one; the coarsest; one anchor alone.
KEPT = {
    "all": range(9),
    "some": (0, 2, 3, 7, 8),
    "first": (3, 5, 6, 7, 8),
    "inner": (1, 2, 6),
    "last": range(5),
    "one": (4,),
}
# Name: form of the network, operator set, and the exporter: by tracing, or torch's later one.
EXPORTS = {
    "fused-11": ({"form": "fused"}, {"opset": 11}),
    "fused-13-any-batch": ({"form": "fused"}, {"opset": 13, "batch": True}),
    "plain-12": ({"form": "plain"}, {"opset": 12}),
    "plain-17-computed-any-batch": ({"form": "plain", "computed": True}, {"opset": 17, "batch": True}),
    "split-scaled-16": ({"form": "split", "scaled": True}, {"opset": 16}),
    "split-18-dynamo": ({"form": "split"}, {"opset": 18, "dynamo": True}),
    "unequal-13": ({"form": "fused", "anchors": (ANCHORS[0][:1], ANCHORS[1], ANCHORS[2][:2])}, {"opset": 13}),
    "indexed-15": ({"form": "indexed"}, {"opset": 15}),
    "fractions-13": ({"form": "fractions"}, {"opset": 13}),
    "activated-13": ({"form": "activated"}, {"opset": 13}),
    "both-13": ({"form": "both"}, {"opset": 13}),
    "raw-13": ({"form": "raw"}, {"opset": 13}),
    "raw-scaled-17-any-batch": ({"form": "raw", "scaled": True}, {"opset": 17, "batch": True}),
    "channels-14": ({"form": "channels"}, {"opset": 14}),
}

SLOW = {"split-18-dynamo": pytest.mark.long}


@pytest.fixture(scope="module", params=[pytest.param(name, marks=SLOW.get(name, ())) for name in EXPORTS])
def made(request, tmp_path_factory):
    """A network, its export, and the folder taken over."""
    form, how = EXPORTS[request.param]
    folder, model = tmp_path_factory.mktemp("made"), network(**form)
    path = export(model, folder / "my.onnx", **how)
    levels = [
        {"stride": s, "anchors": [list(a) for a in own]}
        for s, own in zip(STRIDES, form.get("anchors", ANCHORS), strict=True)
    ]
    options = [f"classes={list(CLASSES)}"]
    if form["form"] in ("raw", "activated", "channels"):
        options.append(f"levels={levels}")
    take_over(Foreign("onnx::graph", "own", path, None, tuple(options)), folder / "full")
    return model, folder, how


def test_the_head_is_the_networks(made):
    model, folder, _ = made
    head = Head.load(folder / "full/head.json")
    assert (head.input_size, head.num_classes, head.keep_ratio) == (SIZE, 3, True)
    assert [level.stride for level in head.levels] == list(STRIDES)
    assert [level.grid for level in head.levels] == [(SIZE[1] // s, SIZE[0] // s) for s in STRIDES]
    for i, level in enumerate(head.levels):
        own = getattr(model, f"anchor{i}")[0, :, 0, 0].numpy()
        np.testing.assert_allclose(np.array(level.anchors), own, rtol=1e-6)


def macs_of(path):
    """Multiply-accumulates of all convolutions of a file, from the shapes that ONNX infers."""
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    sides = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in [*graph.value_info, *graph.output]}
    weights = {tensor.name: int(np.prod(tensor.dims)) for tensor in graph.initializer}
    return sum(np.prod(sides[n.output[0]][2:]) * weights[n.input[1]] for n in graph.node if n.op_type == "Conv")


@pytest.mark.parametrize("case", KEPT)
def test_a_sliced_graph_is_the_whole_one_masked(made, case):
    model, folder, how = made
    head = Head.load(folder / "full/head.json")
    kept = [i for i in KEPT[case] if i < head.num_anchors]
    layout = Layout.keep(head, kept)
    sliced = load([folder / "full"]).slice(layout, folder / f"sliced {case}").source
    onnx.checker.check_model(str(sliced), full_check=True)
    counts = [len(level.anchors) for level in head.levels]
    images = torch.rand(3 if how.get("batch") else 1, 3, *SIZE[::-1], generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        wanted = masked(model, images, counts, layout.kept_per_level)
    runs = onnxruntime.InferenceSession(sliced)
    assert [value.name for value in runs.get_inputs()] == ["images"]
    assert [value.name for value in runs.get_outputs()] == list(wanted)
    for value in runs.get_outputs():
        assert [n for n in value.shape[1:] if isinstance(n, int)] == list(wanted[value.name].shape[1:])
    reference = ReferenceEvaluator(onnx.load(sliced))
    for found in (runs.run(None, {"images": images.numpy()}), reference.run(None, {"images": images.numpy()})):
        for part, name in zip(found, wanted, strict=True):
            np.testing.assert_allclose(part, wanted[name], rtol=1e-5, atol=1e-5)
    saved = macs_of(folder / "full/model.onnx") - macs_of(sliced)
    gone = [i for i, own in enumerate(layout.kept_per_level) if not own]
    difference = cost(Layout.full(head)).macs - cost(layout).macs
    # What two levels share goes with both, and is not counted.
    assert saved == difference if len(gone) < 2 else saved >= difference
    assert sliced.stat().st_size < (folder / "full/model.onnx").stat().st_size or case == "all"


def masked(model, images, counts, kept_per_level):
    """torch's own outputs at the kept anchors, by output name."""
    outputs = model(images)
    if not isinstance(outputs, tuple):
        return {"output0": rows_of(outputs, counts, kept_per_level)}
    found = {}
    for number, value in enumerate(outputs):
        if value.ndim == 3:
            found[f"output{number}"] = rows_of(value, counts, kept_per_level)
        elif kept := list(kept_per_level[number - (model.form == "both")]):
            own = value if value.ndim == 5 else value.unflatten(1, (-1, WIDTH))
            found[f"output{number}"] = own[:, kept].reshape(len(value), -1, *value.shape[2:]).numpy()
    return found


def rows_of(value, counts, kept_per_level):
    cells = [SIZE[0] * SIZE[1] // stride**2 for stride in STRIDES]
    rows = [np.isin(np.arange(n), k).repeat(c) for n, k, c in zip(counts, kept_per_level, cells, strict=True)]
    return value[:, np.concatenate(rows)].numpy()


def test_sliced_twice_is_sliced_once(made, tmp_path):
    _, folder, _ = made
    full = load([folder / "full"])
    once = full.slice(Layout.keep(full.head, (1, 2)), tmp_path / "once")
    first = full.slice(Layout.keep(full.head, (0, 1, 2, 4)), tmp_path / "first")
    twice = first.slice(Layout.keep(first.head, (1, 2)), tmp_path / "twice")
    assert once.head == twice.head
    image = np.random.default_rng(0).random((1, 3, *SIZE[::-1])).astype(np.float32)
    found = [onnxruntime.InferenceSession(d.source).run(None, {"images": image}) for d in (once, twice)]
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_raw_outputs_are_decoded_as_the_network_does(made, tmp_path):
    """Candidates of every form, with a threshold that lets each pair through, are torch's boxes and scores."""
    model, folder, _ = made
    truth = write_data(network(), tmp_path)
    full = load([folder / "full"])
    other = decoded(model) if model.form in ("raw", "activated", "channels", "both", "fractions") else model
    for found in full.candidates(truth, tmp_path / "images"):
        anchor, boxes, scores = boxes_on(other, tmp_path / f"images/{found.image_id}.png")
        row, label = np.nonzero(scores > 0.001)
        assert len(row) == len(found.score) > 100
        np.testing.assert_array_equal(found.anchor, anchor[row])
        np.testing.assert_array_equal(found.label, label)
        np.testing.assert_allclose(found.score, scores[row, label], atol=1e-5)
        np.testing.assert_allclose(found.boxes, boxes[row], atol=1e-3)
