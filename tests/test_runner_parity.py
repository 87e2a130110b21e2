"""A published folder runs in mmdet's own tools, where this package is installed as anyone installs it."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv

import pytest
from oracles.original_file import figures_of_file
from running.command import ROOT

pytest.importorskip("torch")

RUN = """
import sys
import anchorprune
assert anchorprune.__file__.startswith(sys.prefix), anchorprune.__file__
from mmengine.config import Config
from mmengine.runner import Runner
cfg = Config.fromfile("published/config.py")
cfg.test_evaluator.outfile_prefix = "results"
Runner.from_cfg(cfg).test()
from mmdet.apis import DetInferencer
inferencer = DetInferencer("published/config.py", "published/weights.pth", device="cpu", show_progress=False)
inferencer(sys.argv[1], out_dir="out", no_save_pred=False)
print("classes:", *inferencer.visualizer.dataset_meta["classes"])
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of a new environment: this package installed from a copy of its source, the others lent by ours."""
    base = tmp_path_factory.mktemp("environment")
    venv.create(base / "venv", with_pip=False)
    found = base / "venv/bin/python"
    site = next((base / "venv/lib").glob("python*/site-packages"))
    (site / "lent.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")  # a path alone: its own .pth stay unread
    (base / "source").mkdir()
    for name in ("anchorprune", "pyproject.toml", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, base / "source" / name)
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed")
    _run(sys.executable, "-m", "pip", "--python", found, "install", *options, base / "source", cwd=base)
    return found


@pytest.fixture(scope="module")
def published(trained, run_command, tmp_path_factory):
    """The small detector without some anchors, published; no figure of it comes from mmdet's evaluation."""
    base = tmp_path_factory.mktemp("deployed")
    head = trained.folder / "head.json"
    done = run_command("layout", head, "--drop", "1,4,9", "--output", base / "layout.json")
    assert done.status == 0, done.err
    sliced, evaluations = base / "slice", {}
    done = run_command("slice", trained.config, trained.weights, base / "layout.json", "--output", sliced)
    assert done.status == 0, done.err
    for name, folder in (("full", trained.folder), ("pruned", sliced)):
        evaluations[name] = base / f"evaluate-{name}"
        detector = folder / "config.py", folder / "weights.pth"
        done = run_command("evaluate", *detector, *trained.split("test"), "--output", evaluations[name])
        assert done.status == 0, done.err
    done = run_command(
        *("publish", sliced / "config.py", sliced / "weights.pth", "--layout", base / "layout.json", "--head", head),
        *("--evaluation", evaluations["pruned"], "--full-evaluation", evaluations["full"]),
        *("--dataset", trained.data / "dataset.json", "--fact", "search=none", "--output", base / "published"),
    )
    assert done.status == 0, done.err
    return base / "published"


def test_mmdets_runner_and_inferencer_take_the_folder(published, python, trained):
    annotations, images = trained.split("test")
    photo = sorted(images.iterdir())[0]
    done = _run(python, "-W", "ignore", "-c", RUN, photo, cwd=published.parent)
    assert "classes: " + " ".join(_classes(annotations)) in done.stdout
    metrics = json.loads((published / "metrics.json").read_text())
    assert metrics["ap"] > 0.05
    results = json.loads((published.parent / "results.bbox.json").read_text())
    assert figures_of_file(annotations, results)["ap"] == pytest.approx(metrics["ap"], abs=1e-6)
    found = json.loads((published.parent / f"out/preds/{photo.stem}.json").read_text())
    assert len(found["scores"]) > 0
    assert (published.parent / f"out/vis/{photo.name}").is_file()


def test_the_card_says_what_was_measured(published):
    text = (published / "README.md").read_text()
    metrics = json.loads((published / "metrics.json").read_text())
    assert f"| AP, 95 % interval | {metrics['ap']:.3f} (" in text
    assert "- search: none" in text
    assert "on 40 test images" in text
    assert json.loads((published / "layout.json").read_text())["kept"] == [0, 2, 3, 5, 6, 7, 8]


def _run(*words, cwd):
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(list(map(str, words)), cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def _classes(annotations):
    return [category["name"] for category in json.loads(annotations.read_text())["categories"]]
