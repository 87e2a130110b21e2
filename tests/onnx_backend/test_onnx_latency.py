"""`latency` of detectors in ONNX files, in one run with their layouts; no test times anything. What `deploy` says."""

import json

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
from yolo_form import CLASSES, export, network, write_data

from anchorprune.deploy.latency.file_times import TimedFile
from anchorprune.deploy.onnx.runtimes import open_graph
from anchorprune.detectors.registry import load
from anchorprune.errors import UserError
from anchorprune.heads.layout import Layout

pytestmark = pytest.mark.detectors


@pytest.fixture(scope="module")
def folder(tmp_path_factory, run_command):
    folder, model = tmp_path_factory.mktemp("files"), network()
    write_data(model, folder)
    words = ("--backend", "onnx", "--name", "own", "--option", f"classes={list(CLASSES)}", "--output", folder / "full")
    assert run_command("convert", "onnx::graph", export(model, folder / "my.onnx"), *words).status == 0
    (folder / "layout.json").write_text(json.dumps({"version": 1, "head": "own", "kept": [3, 4, 7]}))
    return folder


def test_a_file_and_its_layout_take_turns(folder, run_command, tmp_path):
    words = ("--images", folder / "images", "--count", 3, "--rounds", 4, "--layout", "few", folder / "layout.json")
    output = tmp_path / "latency.json"
    done = run_command("latency", folder / "full", *words, "--runtime", "opencv", "--output", output)
    assert done.status == 0, done.err
    full, few = json.loads(output.read_text())["detectors"]
    assert (full["name"], few["name"]) == ("full", "few")
    assert few["cost"]["anchors_per_level"] == [0, 2, 1]
    for one in (full, few):
        assert list(one["onnx"]) == ["model", "finish", "end_to_end"]
        assert one["torch"] == {}
        ((runtime, other),) = one["runtimes"].items()
        assert runtime.startswith("OpenCV")
        for timing in (*one["onnx"].values(), *other.values()):
            assert 0 < timing["images"]["median"] <= timing["images"]["p95"] <= timing["images"]["p99"]
            assert timing["images"]["number"] == 3
    lines = output.with_suffix(".md").read_text().splitlines()
    columns = (
        "anchors | head MACs | saved | boxes | saved | model | faster | decoding + NMS | faster | end to end | faster"
    )
    assert lines[3] == f"| detector | computes with | {columns} |"
    assert lines[6].startswith(f"| few | CPU | 3 | 0M | {1 - few['cost']['macs'] / full['cost']['macs']:.0%} | 108 |")
    assert all(line.count("|") == lines[3].count("|") for line in lines[4:7])


def test_what_is_timed_is_what_is_detected(folder, tmp_path):
    """Each call of a part gives the detections of its image, in ONNX Runtime and in OpenCV."""
    detector = load([folder / "full"])
    sliced = detector.slice(Layout.keep(detector.head, (3, 4, 7)), tmp_path / "sliced")
    photos = sorted((folder / "images").iterdir())
    for one in (detector, sliced):
        timed = one.timed("one")
        assert isinstance(timed, TimedFile)
        _, parts = timed.onnx_calls(photos, 1, "CPUExecutionProvider")
        _, in_opencv = timed.runtime_call("opencv", photos, 1)
        for number, wanted in enumerate(one.on_photos(photos)):
            assert len(wanted.scores) > 5
            for call in (parts["finish"], parts["end_to_end"], in_opencv):
                found = call(number + len(photos))
                np.testing.assert_allclose(np.sort(found.scores), np.sort(wanted.scores), atol=1e-5)
            (rows,) = parts["model"](number)
            assert rows.shape == (1, int(one.timed("x").cost["boxes"]), 8)


def test_what_there_is_instead(folder, run_command, tmp_path):
    done = run_command("deploy", folder / "full", "--output", tmp_path / "deployed")
    line = "deploy: this detector is an ONNX file already; deploy the model.onnx of its folder, sliced or not"
    assert done.status == 2 and line in done.error_line
    assert not (tmp_path / "deployed").exists()
    for words in (("--table", "--output", tmp_path / "t.json"), ("--export-table", tmp_path / "table")):
        done = run_command("latency", folder / "full", "--images", folder / "images", *words)
        assert done.status == 2
        assert "a detector in an ONNX file is not timed level by level; search it by macs or boxes" in done.error_line


def test_a_model_that_a_runtime_refuses_is_one_line(folder):
    model = onnx.load(folder / "full/model.onnx")
    for node in model.graph.node:
        node.domain = "nowhere"
    with pytest.raises(UserError, match=r"^--runtime opencv: \S+ refuses this model"):
        open_graph("opencv", model, ["output0"], 1)
