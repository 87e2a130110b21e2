"""From a stranger's ONNX file to a pruned one, by commands and the pipeline; what is no such file is refused."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
from onnxruntime.quantization import quantize_dynamic
from running.pipeline import SCHEMA, link_project, snakemake
from yolo_form import ANCHORS, CLASSES, SIZE, STRIDES, WIDTH, export, network, write_data

from anchorprune.detectors.configured import check_detectors
from anchorprune.detectors.registry import load
from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from anchorprune.pipeline.experiments import plan

pytestmark = pytest.mark.detectors


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, model = tmp_path_factory.mktemp("files"), network()
    write_data(model, folder)
    export(model, folder / "my.onnx", names=CLASSES)
    export(network(form="channels"), folder / "raw.onnx")
    return folder


@pytest.fixture
def init(files, tmp_path, run_command):
    def run(file="my.onnx", *words, folder="mine", **options):
        words = [*words, *(word for key, value in options.items() for word in (f"--{key}", value))]
        data = ("--annotations", files / "truth.json", "--images", files / "images")
        return run_command("init", tmp_path / folder, "--onnx", files / file, *words, *data)

    return run


def test_init_says_what_it_found_and_writes_a_project(init, tmp_path):
    done = init()
    assert done.status == 0, done.err
    assert (done.json["classes"], done.json["anchors"], done.json["boxes"]) == (3, 9, 3 * (192 + 48 + 12))
    assert "my.onnx: 3 classes, input 128 x 96, boxes decoded in output0; anchors of stride 8: 9x12 15x8" in done.err
    settings = yaml.safe_load((tmp_path / "mine/experiments.yaml").read_text())
    detector, experiment = settings["detectors"]["mine"], settings["experiments"]["mine"]
    assert (detector["backend"], detector["config"]) == ("onnx", "onnx::graph")
    assert detector["options"] == {"classes": list(CLASSES)}
    assert (experiment["retrain"], experiment["deploy"]) == ("none", False)


def test_raw_outputs_need_a_description(init, tmp_path):
    assert "say the 3 anchors of stride 8 in --config FILE.json: levels" in init("raw.onnx").error_line
    levels = [{"stride": stride, "anchors": anchors} for stride, anchors in zip(STRIDES, ANCHORS, strict=True)]
    description = {"version": 1, "levels": levels, "fit": "stretch", "postprocess": {"score_threshold": 0.01}}
    (tmp_path / "said.json").write_text(json.dumps(description))
    done = init("raw.onnx", config=tmp_path / "said.json")
    assert done.status == 0, done.err
    assert "boxes raw in output0, output1, output2; anchors of stride 8: 9x12 15x8 20x24, stride 16" in done.err
    assert "images: stretch" in done.err
    (tmp_path / "said.json").write_text(json.dumps({**description, "level": levels}))
    assert "unknown key 'level'" in init("raw.onnx", folder="other", config=tmp_path / "said.json").error_line


def test_names_in_the_file_are_held_against_the_annotations(init, files):
    export(network(), files / "named.onnx", names=("bee", "ape", "cat"))
    assert "the detector's labels go 'bee', 'ape', 'cat'" in init("named.onnx").error_line
    export(network(), files / "named.onnx", names=("ant", "bee", "cat"))
    assert "only the annotations have 'ape'" in init("named.onnx").error_line
    assert init("named.onnx", classes="ape,bee,cat").status == 0


def test_sizes_that_the_file_leaves_open(init, files, tmp_path, run_command):
    model = network(form="plain", computed=True)
    axes = {"images": {0: "batch", 2: "height", 3: "width"}, "output0": {0: "batch", 1: "boxes"}}
    with pytest.warns():  # torch says that its exporter by tracing is the older one
        torch.onnx.export(
            model, (torch.zeros(1, 3, *SIZE[::-1]),), str(files / "open.onnx"), input_names=["images"],
            output_names=["output0"], opset_version=13, dynamo=False, dynamic_axes=axes,
        )  # fmt: skip
    assert "leaves its input's size open" in init("open.onnx").error_line
    size = f"input_size={list(SIZE)}"
    assert init("open.onnx", option=size).status == 0
    words = (
        "--backend",
        "onnx",
        "--option",
        size,
        "--option",
        f"classes={list(CLASSES)}",
        "--output",
        tmp_path / "full",
    )
    assert run_command("convert", "onnx::graph", files / "open.onnx", *words).status == 0
    full = load([tmp_path / "full"])
    assert full.head.input_size == SIZE
    assert [list(map(tuple, level.anchors)) for level in full.head.levels] == [list(level) for level in ANCHORS]


def test_half_floats_external_data_and_folded_constants(files, tmp_path, run_command):
    """Three other forms of one file give its boxes: to 1e-2 of their size in half floats, else to 1e-5."""
    plain = onnx.load(files / "my.onnx")
    onnx.save(plain, tmp_path / "outside.onnx", save_as_external_data=True, location="weights.bin", size_threshold=64)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "folded.onnx")
    onnxruntime.InferenceSession(files / "my.onnx", options)
    export_half(files / "my.onnx", tmp_path / "half.onnx")
    found = {}
    for name in ("my", "outside", "folded", "half"):
        file = (files if name == "my" else tmp_path) / f"{name}.onnx"
        words = ("--option", f"classes={list(CLASSES)}", "--backend", "onnx", "--name", "own")
        done = run_command("convert", "onnx::graph", file, *words, "--output", tmp_path / name)
        assert done.status == 0, done.err
        layout = {"version": 1, "head": "own", "kept": [0, 4, 5]}
        (tmp_path / "layout.json").write_text(json.dumps(layout))
        done = run_command("slice", tmp_path / name, tmp_path / "layout.json", "--output", tmp_path / f"{name} sliced")
        assert done.status == 0, done.err
        runs = onnxruntime.InferenceSession(tmp_path / f"{name} sliced/model.onnx")
        image = np.random.default_rng(0).random((1, 3, *SIZE[::-1]))
        kind = np.float16 if name == "half" else np.float32
        found[name] = runs.run(None, {"images": image.astype(kind)})[0].astype(np.float64)
    for name, tolerance in (("outside", 1e-5), ("folded", 1e-5), ("half", 2e-2)):
        np.testing.assert_allclose(found[name], found["my"], rtol=tolerance, atol=tolerance * 10)


def export_half(source, target):
    """A file with its floats halved: constants, inputs and outputs."""
    model = onnx.load(source)
    tensors = [*model.graph.initializer, *(a.t for n in model.graph.node for a in n.attribute if a.name == "value")]
    for tensor in tensors:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    del model.graph.value_info[:]
    onnx.save(model, target)


def test_foreign_and_damaged_files_are_one_line(init, files):
    def refused(file):
        done = init(file)
        assert done.status == 2
        return done.error_line

    assert "gone.onnx: no such ONNX file" in refused("gone.onnx")
    whole = (files / "my.onnx").read_bytes()
    (files / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    assert "cut.onnx: " in refused("cut.onnx")
    (files / "text.onnx").write_text("not a model")
    assert "text.onnx: " in refused("text.onnx")
    classifier = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    classifier.append(torch.nn.Linear(4, 10)).form = "classifier"
    export(classifier.eval(), files / "classifier.onnx")
    assert "classifier.onnx: not a YOLO of 3 classes: it ends with" in refused("classifier.onnx")
    quantize_dynamic(files / "my.onnx", files / "bytes.onnx")
    assert "bytes.onnx: quantised (ConvInteger); give the model before" in refused("bytes.onnx")
    free = torch.nn.Sequential(torch.nn.Conv2d(3, 4 + len(CLASSES), 8, 8), torch.nn.Flatten(2))
    free.form = "anchor-free"
    export(free.eval(), files / "free.onnx")
    assert "it ends with /0/Conv (Conv), 7 channels, where each anchor has 8" in refused("free.onnx")
    onnx.save(two_stage(), files / "two.onnx")
    assert "two.onnx: " in refused("two.onnx") and "docs/onnx.md" in refused("two.onnx")
    onnx.save(with_nms(onnx.load(files / "my.onnx")), files / "nms.onnx")
    assert "(NonMaxSuppression)" in refused("nms.onnx") and "without NMS" in refused("nms.onnx")


def test_other_channel_orders_and_boxes_are_refused(init, files):
    """Files that run and look right, and are not: objectness last, corners, sizes of one side, bare scores."""
    boxes = "centre, width and height, one for each anchor of a cell, in input pixels or fractions of the input"
    for name, line in (("last", "its head"), ("corners", boxes), ("widths", boxes), ("bare", "sigmoids")):
        model = network()
        inner = model.decode

        def decode(i, value, batch, ny, nx, inner=inner, name=name, model=model):
            rows = inner(i, value, batch, ny, nx)
            if name == "last":
                return torch.cat([rows[..., :4], rows[..., 5:], rows[..., 4:5]], -1)
            if name == "corners":
                return torch.cat(
                    [rows[..., :2] - rows[..., 2:4] / 2, rows[..., :2] + rows[..., 2:4] / 2, rows[..., 4:]], -1
                )
            if name == "widths":
                return rows / torch.tensor([SIZE[0]] * 4 + [1] * (WIDTH - 4))
            return torch.cat([rows[..., :4], value.view(rows.shape)[..., 4:]], -1)

        model.decode = decode
        export(model, files / f"{name}.onnx")
        done = init(f"{name}.onnx")
        assert done.status == 2 and line in done.error_line, done.error_line


def test_external_data_stay_in_the_files_folder(init, files):
    for place in ("../my.onnx", "/etc/passwd"):
        model = onnx.load(files / "my.onnx")
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=place)
        (files / "away.onnx").write_bytes(model.SerializeToString())
        done = init("away.onnx")
        assert done.status == 2 and "leaves" in done.error_line, done.error_line


def two_stage():
    """Regions of interest out of a feature map, classified each."""
    weight = numpy_helper.from_array(np.zeros((8, 3, 3, 3), np.float32), "w")
    rois = numpy_helper.from_array(np.zeros((5, 4), np.float32), "rois")
    batch = numpy_helper.from_array(np.zeros(5, np.int64), "batch")
    nodes = [
        helper.make_node("Conv", ["images", "w"], ["features"], pads=[1, 1, 1, 1]),
        helper.make_node("RoiAlign", ["features", "rois", "batch"], ["boxes"], output_height=2, output_width=2),
    ]
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, *SIZE[::-1]])
    boxes = helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [5, WIDTH, 2, 2])
    graph = helper.make_graph(nodes, "two", [image], [boxes], [weight, rois, batch])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def with_nms(model):
    """The model with ONNX's NMS behind it."""
    graph = model.graph
    for name, values in (("sizes", [4, 1, 3]), ("most", [10])):
        graph.initializer.append(numpy_helper.from_array(np.array(values, np.int64), name))
    graph.node.extend(
        [
            helper.make_node("Split", ["output0", "sizes"], ["boxes", "objectness", "classes"], axis=2),
            helper.make_node("Transpose", ["classes"], ["scores"], perm=[0, 2, 1]),
            helper.make_node("NonMaxSuppression", ["boxes", "scores", "most"], ["chosen"], center_point_box=1),
        ]
    )
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("chosen", TensorProto.INT64, [None, 3]))
    return model


def test_training_is_refused_in_one_line(files, tmp_path, run_command):
    words = ("--backend", "onnx", "--option", f"classes={list(CLASSES)}", "--output", tmp_path / "full")
    assert run_command("convert", "onnx::graph", files / "my.onnx", *words).status == 0
    data = ("--annotations", files / "truth.json", "--images", files / "images", "--output", tmp_path / "again")
    done = run_command("retrain", tmp_path / "full", "--finetune", tmp_path / "full", *data)
    assert done.status == 2 and "are not trained here" in done.error_line


def test_an_experiment_that_would_train_stops_first(init, tmp_path):
    assert init().status == 0
    settings = yaml.safe_load((tmp_path / "mine/experiments.yaml").read_text())
    settings["searches"] = {"best": {"method": "best"}}
    check_detectors(plan(settings, SCHEMA))
    settings["experiments"]["mine"]["retrain"] = "finetune"
    settings["datasets"]["mine"]["train"] = {"annotations": "train.json", "images": "train"}
    with pytest.raises(UserError, match=r"mine.retrain: detectors of backend 'onnx' are not trained here"):
        check_detectors(plan(settings, SCHEMA))


@pytest.mark.pipeline
@pytest.mark.long
def test_the_pipeline_from_an_onnx_file(init, tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    link_project(project)
    done = init()
    assert done.status == 0, done.err
    file = tmp_path / "mine/experiments.yaml"
    settings = yaml.safe_load(file.read_text())
    settings["experiments"]["mine"] |= {"budgets": [0.8], "searches": ["greedy"]}
    file.write_text(yaml.safe_dump(settings))
    run = snakemake(project, "--configfile", file)
    assert run.returncode == 0, run.stdout + run.stderr
    folder = next((project / "results").rglob("0.8/slice"))
    head = Head.load(folder / "head.json")
    assert 0 < head.num_anchors < 9
