"""A core install, `pip install .` and no more, in a virtual environment of its own: all that needs no torch runs."""

import json

import pytest
from core_environment import ROOT, make_core
from oracles.figure_files import check_figure
from running.results import names_in

from anchorprune.cli import COMMANDS
from anchorprune.report.contents import report_files
from anchorprune.report.figures import FIGURES

pytestmark = pytest.mark.core

NOT_CORE = ("torch", "mmengine", "mmcv", "mmdet", "onnx", "onnxruntime", "onnxscript", "cv2", "snakemake", "pytest")


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    return make_core(tmp_path_factory.mktemp("core"))


def test_nothing_but_the_core_is_installed(core):
    program = f"import importlib.util as u; print([n for n in {NOT_CORE} if u.find_spec(n)])"
    assert core.run(core.python, "-c", program).stdout.strip() == "[]"


def test_every_module_is_importable_but_those_of_detectors_and_deploy(core):
    """What a module imports at its top is there."""
    program = """
import importlib, json, pkgutil, anchorprune
away = ("anchorprune.__main__", "anchorprune.detectors", "anchorprune.deploy")
names = [m.name for m in pkgutil.walk_packages(anchorprune.__path__, "anchorprune.", onerror=lambda name: None)]
chosen = [name for name in names if not name.startswith(away)]
failed = []
for name in chosen:
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed.append(f"{name}: {error}")
print(json.dumps([len(chosen), failed]))
"""
    count, failed = json.loads(core.run(core.python, "-c", program).stdout)
    assert count > 100
    assert failed == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help(core, name):
    done = core.run(core.python.parent / "anchorprune", name, "--help")
    assert "Usage:" in done.stdout


def test_commands_on_predictions(core):
    files = ("predictions.parquet", "truth.json")
    full = core.command("cost", files[0])
    assert (full["anchors"], full["boxes"]) == (5, 64 * 2 + 16 * 3)
    assert core.command("score", *files, "--threads", 1)["ap"] > 0.05
    core.command("layout", "head.json", "--keep", "0,2,3", "--output", "kept.json")
    assert (core.files / "kept.json").read_bytes() == (core.files / "layout.json").read_bytes()
    compared = core.command("compare", *files, "--keep", "0,2,3", "--resamples", 50, "--threads", 1)
    assert compared["low"] <= compared["difference"] <= compared["high"]
    shapes = core.command("shapes", *files, "--output", "shapes")
    assert shapes["boxes"] > 500
    assert check_figure(core.files / "shapes", "shapes")


def test_commands_on_anchors_and_data(core):
    assert 0 < core.command("anchors", "head.json", "truth.json", "--kmeans", "2,3")["mean_iou"] < 1
    for control in (("random", "head.json", "layout.json"), ("kmeans", "head.json", "layout.json", "truth.json")):
        core.command("control", *control, "--output", f"{control[0]}.json")
    core.command("dataset", "scenes", "--train", 4, "--prune", 2, "--test", 2, "--output", "scenes")
    splits = json.loads((core.files / "coco/dataset.json").read_text())["splits"]
    assert splits["test"]["image_count"] == 12


def test_a_search_and_its_report(core):
    """A manifest with every kind of part, of what the search wrote."""
    options = ("--method", "greedy", "--budget", 0.6, "--resamples", 20, "--threads", 1)
    core.command("search", "predictions.parquet", "truth.json", *options, "--output", "search")
    base = {
        "head": "head.json", "unpruned": "full/metrics.json", "predictions": "predictions.parquet",
        "annotations": "truth.json", "evaluated": "search/evaluated.parquet",
    }  # fmt: skip
    pruned = {"sliced": "sliced/metrics.json", "metrics": "retrained/metrics.json", "layout": "search/layout-0.6.json"}
    entries = []
    for anchor_set in ("few", "many"):
        names = {"experiment": "x", "detector": "toy", "dataset": "toys", "anchor_set": anchor_set, "seed": 0}
        entries.append({**names, "method": "", "budget": 1, "files": base})
        files = {**base, **pruned, "front": "search/front.csv"}
        entries.append({**names, "method": "greedy", "budget": 0.6, "files": files})
    (core.files / "manifest.json").write_text(json.dumps(entries))
    published = ROOT / "config/published"
    done = core.command("report", "manifest.json", "--published", published, "--output", "report")
    written = names_in(core.files / "report")
    assert written == sorted(done["files"]) == sorted(report_files(entries))
    kinds = {name.partition("-")[0] for name in written if name.endswith(".svg")}
    assert kinds == set(FIGURES) - {"latency"}  # no search after milliseconds here
    for name in written:
        if name.endswith(".svg"):
            assert check_figure(core.files / "report", name.removesuffix(".svg"))
    assert "| greedy @0.6" in (core.files / "report/results.md").read_text()


def test_doctor_says_how_to_get_the_rest(core):
    found = core.command("doctor", "--config", ROOT / "config/datasets.yaml", status=1)
    assert not found["torch"]["ok"]
    assert "not installed; run `make setup`" in found["torch"]["text"]
    assert found["matplotlib"]["ok"]


SPLIT = ("truth.json", "images")
TRAINING = ("--annotations", "truth.json", "--images", "images", "--output", "out")
DETECTOR = ("config.py", "weights.pth")
NEEDS_A_BACKEND = {
    "train": ("config.py", "--name", "toy", *TRAINING),
    "retrain": ("config.py", *TRAINING),
    "predict": (*DETECTOR, *SPLIT, "--output", "out.parquet"),
    "slice": (*DETECTOR, "layout.json", "--output", "out"),
    "evaluate": (*DETECTOR, *SPLIT, "--output", "out"),
    "submission": (*DETECTOR, *SPLIT, "--name", "toy", "--output", "out"),
    "deploy": (*DETECTOR, "--output", "out"),
    "latency": (*DETECTOR, "--images", "images", "--output", "out.json"),
    "show": ("train", "train", "images/0.jpg", "--output", "out"),
    "convert": (*DETECTOR, "--output", "out"),
    "init": (
        *("out", "--config", "config.py", "--weights", "weights.pth"),
        *("--annotations", "truth.json", "--images", "images"),
    ),
    "publish": (
        *DETECTOR,
        *("--layout", "layout.json", "--head", "head.json", "--evaluation", "retrained", "--full-evaluation", "full"),
        *("--dataset", "coco/dataset.json", "--output", "out"),
    ),
}


@pytest.mark.parametrize("name", NEEDS_A_BACKEND)
def test_what_needs_a_detector_says_how_to_get_one(core, name):
    line = core.error(name, *NEEDS_A_BACKEND[name])
    assert line.startswith("anchorprune: error: ")
    assert "install" in line or "make setup" in line
    assert not (core.files / "out").exists()
