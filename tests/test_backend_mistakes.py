"""What asks a backend for too much, or for one that is not there, ends in one line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from backends.trained import CONFIG, train, write_data
from running.command import ROOT

from anchorprune.detectors.configured import check_detectors
from anchorprune.errors import UserError
from anchorprune.pipeline.experiments import plan

SCHEMA = ROOT / "config/schemas/experiments.schema.yaml"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    """A prepared data set."""
    return write_data(tmp_path_factory.mktemp("scenes"), train=12, prune=1, test=1)


@pytest.fixture(scope="module")
def linear(scenes) -> Path:
    """A linear detector's folder."""
    train(scenes, scenes / "linear")
    return scenes / "linear"


# Arguments, `{d}` a linear detector's folder, `{s}` the scenes, `{c}` its config -> the line
MISTAKES = {
    "predict {d} {d} {d} {s}/train.json {s}/images/train --output p": "a detector is its folder, or CONFIG and WEIGHTS",
    "predict {s}/train.json {s}/images/train --output p": "Missing argument 'DETECTOR",
    "predict {s} {s}/train.json {s}/images/train --output p": "{s}: not a detector's folder (it has no detector.json);",
    "predict {s}/none {s}/a.json {s}/images/train --output p": "{s}/none: not a detector's folder (it is not there)",
    "evaluate {c} {s}/train.json {s}/images/train --output e": "{c}: not a detector's folder (a file); give one that ",
    "retrain {s} --annotations {s}/train.json --images {s}/images/train --output r": "{s}: not a detector's folder",
    "train {c} --backend tiny --name a --annotations a --images i --output t": "Invalid value for '--backend': 'tiny'",
    "deploy {d} --output o": "deploy: the backend of this detector does not offer it",
    "latency {d} --images {s}/images/train --output l.json": "latency: the backend of this detector does not offer it",
    "convert {d} --backend linear --back --output b": "--back: the backend of this detector does not offer it",
    "convert {c} --backend linear --output b": "a linear detector is taken over with its weights",
    "convert {c} {c} --backend linear --output b": "{c}: not the weights of scenes, a linear detector; give its own",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_one_line(linear, scenes, run_command, tmp_path, words):
    places = {"d": linear, "s": scenes, "c": CONFIG}
    done = run_command(*words.format(**places).split(), cwd=tmp_path)
    assert done.status == 2
    assert done.err.splitlines() == [done.error_line]
    assert done.error_line.startswith(f"anchorprune: error: {MISTAKES[words].format(**places)}")
    assert not list(tmp_path.iterdir())


def test_a_project_of_another_backend(linear, scenes, run_command, tmp_path):
    given = ("--config", CONFIG, "--weights", linear / "weights.npz")
    data = ("--annotations", scenes / "train.json", "--images", scenes / "images/train")
    done = run_command("init", "mine", "--backend", "linear", *given, *data, cwd=tmp_path)
    assert done.status == 0, done.err
    settings = yaml.safe_load((tmp_path / "mine/experiments.yaml").read_text())
    assert settings["detectors"]["mine"]["backend"] == "linear"
    assert settings["experiments"]["mine"]["deploy"] is False
    shipped = yaml.safe_load((ROOT / "config/experiments.yaml").read_text())
    check_detectors(plan({**settings, "searches": shipped["searches"]}, SCHEMA))


@pytest.mark.parametrize(
    ("backend_name", "deploy", "line"),
    [
        ("tiny", False, r"^config: detectors.one.backend: unknown backend 'tiny'; known: mmdet, torchvision, onnx, "),
        ("linear", True, r"^config: experiments.one.deploy: `deploy` does not take detectors of backend 'linear'; "),
    ],
)
def test_a_configuration_that_asks_too_much(backend_name, deploy, line):
    experiment = {"detector": "one", "dataset": "one", "anchor_sets": ["own"], "searches": ["greedy"], "budgets": [0.5]}
    detector = {"backend": backend_name, "config": "a.json", "anchor_sets": {"own": {"from": "config"}}}
    config = {
        "run": ["one"],
        "datasets": {"one": {"kind": "scenes"}},
        "detectors": {"one": detector},
        "searches": {"greedy": {"method": "greedy"}},
        "experiments": {"one": {**experiment, "deploy": deploy}},
    }
    with pytest.raises(UserError, match=line):
        check_detectors(plan(config, SCHEMA))


WITHOUT = """
import contextlib, io, json, sys
for name in ("torch", "mmdet", "mmcv", "mmengine", "onnx", "onnxscript", "onnxruntime", "cv2"):
    sys.modules[name] = None  # as if not installed
from anchorprune.cli import main
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as lines:
        status = main(words.split())
    print(json.dumps([status, lines.getvalue().splitlines()]))
"""
OF_MMDET = """
train config.py --name a {split} --output o
convert config.py weights.pth --output o
init mine --config config.py --weights weights.pth {split}
predict . train.json images/train --output o
predict config.py weights.pth train.json images/train --output o
slice . layout.json --output o
retrain . {split} --output o
retrain config.py {split} --output o
evaluate . train.json images/train --output o
submission . train.json images/train --name a --output o
deploy . --output o
latency . --images images/train --output o.json
show . . images/train/train-000001.png --output o
"""


def test_without_torch_commands_of_mmdet_name_the_remedy(scenes, tmp_path):
    for name in ("config.py", "weights.pth"):
        (tmp_path / name).touch()
    for name in ("train.json", "images"):
        (tmp_path / name).symlink_to(scenes / name)
    commands = OF_MMDET.format(split="--annotations train.json --images images/train").strip().splitlines()
    program = [sys.executable, "-c", WITHOUT, json.dumps(commands)]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True)
    line = "anchorprune: error: torch is not installed, and detectors of mmdet need it; run `make setup`"
    for words, answer in zip(commands, map(json.loads, done.stdout.splitlines()), strict=True):
        assert answer == [2, [line]], words
