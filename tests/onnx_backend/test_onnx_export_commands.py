"""From a raw export to a pruned one by commands, and what is refused; torchvision's form of a raw export."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

torch = pytest.importorskip("torch")
pytest.importorskip("mmdet")
from mmdet_raw import CLASSES, detector_of, write_data

from anchorprune.deploy.onnx.models import save
from anchorprune.detectors.mmdet.export import export
from anchorprune.detectors.registry import load
from anchorprune.errors import UserError

pytestmark = pytest.mark.detectors


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, detector = tmp_path_factory.mktemp("files"), detector_of("ssd")
    write_data(detector, folder)
    models = export(detector, 18, {"anchorprune": "test", "commit": None})
    save({"model-raw": models.raw, "model-decoded": models.decoded, "model": models.end_to_end}, folder)
    return folder


@pytest.fixture
def init(files, tmp_path, run_command):
    def run(file="model-raw.onnx", folder="mine", **options):
        options = {"annotations": files / "truth.json", "images": files / "images", **options}
        words = [word for key, value in options.items() for word in (f"--{key}", value)]
        return run_command("init", tmp_path / folder, "--onnx", files / file, *words)

    return run


def test_init_says_what_it_found_and_writes_a_project(init, tmp_path):
    done = init()
    assert done.status == 0, done.err
    assert (done.json["classes"], done.json["anchors"], done.json["boxes"]) == (3, 10, 3 * (256 + 64 + 16) + 4)
    found = (
        "raw export of `anchorprune deploy`, 3 classes, input 128 x 128, scores by softmax; anchors of stride 8: 16x16"
    )
    assert found in done.err
    settings = yaml.safe_load((tmp_path / "mine/experiments.yaml").read_text())
    detector, experiment = settings["detectors"]["mine"], settings["experiments"]["mine"]
    assert (detector["backend"], detector["config"]) == ("onnx", "onnx::graph")
    assert not detector.get("options")
    assert (experiment["retrain"], experiment["deploy"]) == ("none", False)


@pytest.mark.long
def test_from_the_file_to_the_front_by_commands(files, tmp_path, run_command):
    def run(*words):
        done = run_command(*words)
        assert done.status == 0, done.err
        return done.json

    split = files / "truth.json", files / "images"
    run(
        "convert",
        "onnx::graph",
        files / "model-raw.onnx",
        "--backend",
        "onnx",
        "--name",
        "own",
        "--output",
        tmp_path / "full",
    )
    run("predict", tmp_path / "full", *split, "--output", tmp_path / "p.parquet")
    words = ("--method", "greedy", "--budget", "0.5", "--resamples", 0, "--output", tmp_path / "search")
    found = run("search", tmp_path / "p.parquet", split[0], *words)["budgets"]["0.5"]
    run("slice", tmp_path / "full", tmp_path / "search/layout-0.5.json", "--output", tmp_path / "sliced")
    measured = run("evaluate", tmp_path / "sliced", *split, "--output", tmp_path / "evaluated")
    assert measured["ap"] == pytest.approx(found["ap"], abs=1e-4)
    assert measured["cost"]["macs"] == found["macs"] < 0.5 * run("cost", tmp_path / "full/head.json")["macs"]


def test_options_change_post_processing_and_names_alone(files, tmp_path, run_command, init):
    words = ("--backend", "onnx", "--option", "postprocess.nms_iou=0.3", "--option", "classes=[a, b, c]")
    done = run_command("convert", "onnx::graph", files / "model-raw.onnx", *words, "--output", tmp_path / "full")
    assert done.status == 0, done.err
    full = load([tmp_path / "full"])
    before = load_plain(files, tmp_path / "plain", run_command)
    assert (full.postprocess.nms_iou, before.postprocess.nms_iou) == (0.3, 0.45)
    assert full.postprocess.nms_pre == before.postprocess.nms_pre == 1000
    assert full.classes == ("a", "b", "c")
    done = init(option="divide=255")
    assert done.status == 2
    assert "says itself what divide is; give classes or postprocess, or neither" in done.error_line
    assert "has 3 classes; name as many" in init(option="classes=[a, b]").error_line


def load_plain(files, folder, run_command):
    words = ("--backend", "onnx", "--output", folder)
    assert run_command("convert", "onnx::graph", files / "model-raw.onnx", *words).status == 0
    return load([folder])


def test_classes_are_held_against_the_annotations(files, init, tmp_path):
    truth = json.loads((files / "truth.json").read_text())

    def with_first(name, folder):
        truth["categories"][0]["name"] = name
        (tmp_path / "truth.json").write_text(json.dumps(truth))
        return init(annotations=tmp_path / "truth.json", folder=folder)

    assert "only the annotations have 'ant'" in with_first("ant", "ant").error_line
    assert with_first("Ape", "spelt").status == 0
    settings = yaml.safe_load((tmp_path / "spelt/experiments.yaml").read_text())
    assert settings["detectors"]["spelt"]["options"] == {"classes": ["Ape", "bee", "cat"]}
    named = init(classes="bee,ape,cat", folder="renamed")
    assert "the detector's labels go 'bee', 'ape', 'cat'" in named.error_line


def changed(files, name, change):
    model = onnx.load(files / "model-raw.onnx")
    properties = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    change(model, properties)
    helper.set_model_props(model, {key: json.dumps(value) for key, value in properties.items()})
    onnx.save(model, files / name)
    return name


def test_other_files_are_refused_in_one_line(files, init):
    def refused(file, folder=None):
        done = init(file)
        assert done.status == 2
        return done.error_line

    for name in ("model", "model-decoded"):
        assert f"{name}.onnx: a model of `anchorprune deploy` that decodes its boxes itself" in refused(f"{name}.onnx")

    def without_coding(model, said):
        del said["coding"]

    def of_four(model, said):
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4

    def of_two_classes(model, said):
        said["classes"].pop()

    def other_anchors(model, said):
        said["head"]["levels"][1]["anchors"].pop()

    def no_levels(model, said):
        said["coding"]["anchor_centres"].pop()

    def other_kind(model, said):
        said["coding"]["kind"] = "polar"

    for change, line in (
        (without_coding, "do not say how its outputs are read (coding None), as those of older versions do not"),
        (other_kind, "do not say how its outputs are read (coding 'polar')"),
        (of_four, "takes 4 images at once; export it again without --batch"),
        (of_two_classes, "its outputs are not those that its metadata tell of"),
        (other_anchors, "output cls_1 (1, 12, 8, 8) is not 2 anchors of 4 channels"),
        (no_levels, "its metadata are damaged"),
    ):
        assert line in refused(changed(files, f"{change.__name__}.onnx", change))


def test_a_mismatched_folder_is_refused(files, tmp_path, run_command):
    load_plain(files, tmp_path / "full", run_command)
    head = json.loads((tmp_path / "full/head.json").read_text())
    head["levels"][0]["anchors"][0] = [1, 1]
    (tmp_path / "full/head.json").write_text(json.dumps(head))
    with pytest.raises(UserError, match=r"model\.onnx: not the model of head\.json beside it"):
        load([tmp_path / "full"])


def test_files_without_strides_have_those_of_the_head(files, tmp_path, run_command):
    def older(model, said):
        del said["coding"]["strides"]

    words = ("--backend", "onnx", "--name", "own", "--output")
    for name in ("model-raw.onnx", changed(files, "older.onnx", older)):
        assert run_command("convert", "onnx::graph", files / name, *words, tmp_path / name).status == 0
    one, other = (load([tmp_path / name]) for name in ("model-raw.onnx", "older.onnx"))
    for mine, theirs in zip(*(d.candidates(files / "truth.json", files / "images") for d in (one, other)), strict=True):
        np.testing.assert_allclose(mine.boxes, theirs.boxes, atol=1e-4)


# ---- torchvision's form: background first, some logits without a class, strides that are no whole numbers


GRIDS, STRIDE = ((4, 4), (3, 3)), (24.0, 96 / 3)


def torchvision_form(path):
    """A file of two levels whose convolutions see the image's colours at their cells alone."""
    rng, nodes, tensors, said = np.random.default_rng(0), [], [], {}
    for level, (grid, count) in enumerate(zip(GRIDS, (2, 1), strict=True)):
        side = 96 // grid[0]
        nodes.append(
            helper.make_node("AveragePool", ["images"], [f"f{level}"], kernel_shape=[side] * 2, strides=[side] * 2)
        )
        for kind, width in (("cls", 5), ("reg", 4)):
            weight = rng.normal(0, 0.02, (count * width, 3, 1, 1)).astype(np.float32)
            name = f"{kind}_{level}"
            tensors.append(numpy_helper.from_array(weight, f"w_{name}"))
            nodes.append(helper.make_node("Conv", [f"f{level}", f"w_{name}"], [name]))
            said[name] = (width, count * width, grid)
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, 96, 96])
    outputs = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", c, *grid]) for n, (_, c, grid) in said.items()
    ]
    graph = helper.make_graph(nodes, "form", [image], outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    anchors = [[[30.0, 20.0], [16.0, 40.0]], [[60.0, 60.0]]]
    levels = [
        {"stride": round(s), "grid": g, "macs_fixed": 0, "macs_per_anchor": 27 * g[0] * g[1], "anchors": a}
        for s, g, a in zip(STRIDE, GRIDS, anchors, strict=True)
    ]
    coding = {
        "kind": "deltas", "activation": "softmax", "background": 0, "bounded": "above", "labels": [1, 2, 4],
        "means": [0.0] * 4, "stds": [0.1, 0.1, 0.2, 0.2], "max_ratio": 0.3, "clip": [96, 96],
        "channel_order": ["anchor", "code"], "channels": {name: width for name, (width, _, _) in said.items()},
        "anchor_centres": [[s / 2, s / 2] for s in STRIDE], "strides": [[s, s] for s in STRIDE],
    }  # fmt: skip
    form = {
        "width": 96,
        "height": 96,
        "keep_ratio": False,
        "padding": [0, 0, 0],
        "scale": None,
        "layout": "",
        "rounded": False,
    }
    post = {
        "score_threshold": 0.1,
        "nms_iou": 0.5,
        "nms_pre": 9,
        "max_per_image": 20,
        "min_size": -1,
        "class_agnostic": False,
    }
    helper.set_model_props(
        model,
        {
            key: json.dumps(value)
            for key, value in {
                "head": {"version": 1, "name": "form", "input_size": [96, 96], "num_classes": 3, "levels": levels},
                "classes": CLASSES, "input": form, "postprocess": {**post, "nms_pre_per": "class"}, "opset": 18,
                "provenance": {}, "coding": coding,
            }.items()
        },
    )  # fmt: skip
    onnx.save(model, path)
    return coding, anchors


def test_torchvisions_form_is_read(files, tmp_path, run_command):
    """Candidates worked out row by row in float64 from the file's own outputs; class by class, as its limit counts."""
    coding, anchors = torchvision_form(tmp_path / "form.onnx")
    words = ("--backend", "onnx", "--output", tmp_path / "full")
    done = run_command("convert", "onnx::graph", tmp_path / "form.onnx", *words)
    assert done.status == 0, done.err
    full = load([tmp_path / "full"])
    runs, sizes = onnxruntime.InferenceSession(tmp_path / "form.onnx"), set()
    for found in full.candidates(files / "truth.json", files / "images"):
        image = full.fitted(files / f"images/{found.image_id}.png")
        scale = image.scale
        rows = []
        outputs = dict(zip([v.name for v in runs.get_outputs()], runs.run(None, {"images": image.pixels}), strict=True))
        first = 0
        for level, own in enumerate(anchors):
            for y, x in np.ndindex(*GRIDS[level]):
                for a, (w, h) in enumerate(own):
                    logits = outputs[f"cls_{level}"][0, 5 * a : 5 * a + 5, y, x].astype(float)
                    dx, dy, dw, dh = outputs[f"reg_{level}"][0, 4 * a : 4 * a + 4, y, x] * coding["stds"]
                    cx, cy = (x + 0.5) * STRIDE[level] + dx * w, (y + 0.5) * STRIDE[level] + dy * h
                    sides = w * np.exp(min(dw, 0.3)), h * np.exp(min(dh, 0.3))
                    corners = cx - sides[0] / 2, cy - sides[1] / 2, cx + sides[0] / 2, cy + sides[1] / 2
                    box = np.clip(corners, 0, 96) / np.tile(scale, 2)
                    scores = np.exp(logits) / np.exp(logits).sum()
                    rows += [(k, first + a, scores[n], *box) for k, n in enumerate((1, 2, 4)) if scores[n] > 0.1]
            first += len(own)
        rows = np.array(sorted(rows, key=lambda row: row[0]))
        np.testing.assert_array_equal(found.label, rows[:, 0])
        np.testing.assert_array_equal(found.anchor, rows[:, 1])
        np.testing.assert_allclose(found.score, rows[:, 2], atol=1e-5)
        np.testing.assert_allclose(found.boxes, rows[:, 3:], atol=1e-3)
        sizes.add(len(rows))
    assert max(sizes) > 10
    (tmp_path / "layout.json").write_text(json.dumps({"version": 1, "head": full.head.name, "kept": [1, 2]}))
    done = run_command("slice", tmp_path / "full", tmp_path / "layout.json", "--output", tmp_path / "sliced")
    assert done.status == 0, done.err
    sliced = onnxruntime.InferenceSession(tmp_path / "sliced/model.onnx")
    for value, part in zip(sliced.get_outputs(), sliced.run(None, {"images": image.pixels}), strict=True):
        kept = slice(None) if value.name.endswith("1") else slice(5 if "cls" in value.name else 4, None)
        np.testing.assert_array_equal(part, outputs[value.name][:, kept])
