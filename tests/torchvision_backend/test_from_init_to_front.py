"""A stranger's state dict and data: looked over, its project written, searched, sliced, trained further, published."""

import json

import pytest
import yaml

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")
from tv_detectors import CLASSES, IDS, plain, write_data

from anchorprune.detectors.registry import load

pytestmark = pytest.mark.torchvision

NAME = "ssdlite320_mobilenet_v3_large"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    model = plain(NAME)
    write_data(model, folder)
    torch.save(model.state_dict(), folder / "my.pth")
    return folder


@pytest.fixture
def init(files, tmp_path, run_command):
    def run(folder="mine", name=NAME, weights="my.pth", annotations="truth.json", **options):
        words = [word for key, value in options.items() for word in (f"--{key}", value)]
        words += ["--annotations", files / annotations, "--images", files / "images"]
        return run_command("init", tmp_path / folder, "--torchvision", name, "--weights", files / weights, *words)

    return run


def test_init_writes_a_project(init, tmp_path):
    done = init()
    assert done.status == 0, done.err
    assert (done.json["classes"], done.json["anchors"]) == (3, 36)
    assert "labels 1 to 3 are taken for ape, bee, cat, in this order" in done.err
    detector = yaml.safe_load((tmp_path / "mine/experiments.yaml").read_text())["detectors"]["mine"]
    assert (detector["backend"], detector["config"]) == ("torchvision", f"torchvision::{NAME}")
    assert detector["options"] == {"classes": list(CLASSES)}


def test_weights_whose_labels_are_the_categories_ids(init, files, tmp_path):
    """As torchvision's own for COCO: 91 outputs, of which 80 have a name."""
    state = torch.load(files / "my.pth")
    for name in [n for n in state if "classification_head" in n and ".1." in n and n.split(".")[4] == "1"]:
        rows = state[name].unflatten(0, (6, 4))
        more = rows.new_zeros(6, max(IDS) + 1, *rows.shape[2:])
        more[:, [0, *IDS]] = rows
        state[name] = more.flatten(0, 1)
    torch.save(state, files / "ids.pth")
    done = init(weights="ids.pth")
    assert done.status == 0, done.err
    detector = yaml.safe_load((tmp_path / "mine/experiments.yaml").read_text())["detectors"]["mine"]
    assert detector["options"] == {"classes": list(CLASSES), "labels": list(IDS)}


def test_mistakes_are_one_line(init, files, tmp_path):
    assert "ssd512: not a detector of torchvision that is known here" in init(name="ssd512").error_line
    torch.save({"a": torch.zeros(1)}, files / "other.pth")
    assert "not the weights of torchvision::ssd" in init(weights="other.pth").error_line
    torch.save(plain, files / "code.pth")
    assert "holds more than tensors" in init(weights="code.pth").error_line
    truth = json.loads((files / "truth.json").read_text())
    truth["categories"].append({"id": 99, "name": "dog"})
    (files / "four.json").write_text(json.dumps(truth))
    assert "a network of 3 classes and the background" in init(annotations="four.json").error_line
    assert "only the config has 'ant', only the annotations have 'ape'" in init(classes="ant,bee,cat").error_line
    assert not (tmp_path / "mine").exists()


def test_from_weights_to_a_pruned_detector(files, tmp_path, run_command):
    def run(*words):
        done = run_command(*words)
        assert done.status == 0, done.err
        return done.json

    split = (files / "truth.json", files / "images")
    options = ("--name", "own", "--option", f"classes={json.dumps(CLASSES)}")
    convert = ("--backend", "torchvision", *options, "--output", tmp_path / "full")
    run("convert", f"torchvision::{NAME}", files / "my.pth", *convert)
    run("predict", tmp_path / "full", *split, "--output", tmp_path / "p.parquet")
    search = ("--budget", "0.5", "--resamples", "20", "--output", tmp_path / "search")
    run("search", tmp_path / "p.parquet", split[0], "--method", "greedy", *search)
    layout = tmp_path / "search/layout-0.5.json"
    cost = run("cost", tmp_path / "full/head.json", "--layout", layout)
    run("slice", tmp_path / "full", layout, "--output", tmp_path / "sliced")
    data = ("--annotations", split[0], "--images", split[1])
    retrain = ("--epochs", "1", "--batch-size", "3", "--learning-rate", "0.0001", "--output", tmp_path / "retrained")
    run("retrain", tmp_path / "sliced", "--finetune", tmp_path / "sliced", *data, *retrain)
    before, after = (load([tmp_path / name]) for name in ("sliced", "retrained"))
    assert before.head == after.head
    assert after.head.num_anchors == cost["anchors"] < 36
    moved = [(a - b).abs().max() for a, b in zip(before.model.parameters(), after.model.parameters(), strict=True)]
    assert 0 < max(moved) < 0.1
    for name in ("full", "sliced"):
        run("evaluate", tmp_path / name, *split, "--output", tmp_path / name / "evaluate")
    scored = run("score", tmp_path / "p.parquet", split[0], "--layout", layout)
    metrics = json.loads((tmp_path / "sliced/evaluate/metrics.json").read_text())
    assert metrics["ap"] == pytest.approx(scored["ap"], abs=1e-4)
    assert metrics["cost"]["macs"] == cost["macs"]


def test_anchors_that_a_network_was_trained_with(init, files, tmp_path, run_command):
    """The project has the anchors of the set: those of the weights' levels, not the builder's."""
    strides = [16, 32, 64, 107, 160, 320]
    levels = [[[20.5, 30], [24, 18]], [[60, 40]], [[90, 90]], [[150, 120]], [[200, 200]], [[300, 320]]]
    (files / "own.json").write_text(json.dumps({"strides": strides, "levels": levels}))
    given = ("--annotations", files / "truth.json", "--images", files / "images", "--epochs", "1", "--batch-size", "3")
    name = f"torchvision::{NAME}"
    option = ("--name", "own", "--option", f"classes={json.dumps(CLASSES)}", "--anchors", files / "own.json")
    done = run_command("train", name, "--backend", "torchvision", *option, *given, "--output", files / "trained")
    assert done.status == 0, done.err
    assert "not the weights of" in init("builders", weights="trained/weights.pth").error_line
    shifted = [[[w + 1, h] for w, h in level] for level in levels]
    (files / "shifted.json").write_text(json.dumps({"strides": strides, "levels": shifted}))
    line = init("others", weights="trained/weights.pth", anchors=files / "shifted.json").error_line
    assert "head.json beside it has other anchors than" in line
    words = ("anchors", files / "trained/head.json", files / "truth.json", "--output", tmp_path / "again.json")
    assert run_command(*words).status == 0  # what the line says to do
    assert init("again", weights="trained/weights.pth", anchors=tmp_path / "again.json").status == 0
    done = init(weights="trained/weights.pth", anchors=files / "own.json")
    assert done.status == 0, done.err
    assert done.json["anchors_per_level"] == [2, 1, 1, 1, 1, 1]
    detector = yaml.safe_load((tmp_path / "mine/experiments.yaml").read_text())["detectors"]["mine"]
    written = detector["anchor_sets"]["own"]
    assert written["strides"] == strides
    assert [level["anchors"] for level in written["levels"]] == levels
    words = ("init", tmp_path / "x", "--onnx", "x.onnx", *given[:4], "--anchors", files / "own.json")
    assert "--anchors goes with --torchvision" in run_command(*words).error_line
