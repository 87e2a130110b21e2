"""The small trained detector's ONNX models in other runtimes, each in a process of its own, against ONNX Runtime."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from anchorprune.deploy.onnx.images import prepare
from anchorprune.deploy.onnx.session import OnnxDetector, session

ROOT = Path(__file__).parents[2]
FOLDERS = ROOT / ".runtimes"
RUNTIMES = ("reference", "openvino", "onnxsim", "onnxslim", "opencv4", "opencv5")
FORMS = ("model", "model-decoded", "model-raw")

pytestmark = pytest.mark.runtimes


@pytest.fixture(scope="module")
def deployed(trained, run_command, tmp_path_factory):
    """The models; `none.onnx` is `model.onnx` with a threshold that no pair reaches, `inputs` some images."""
    folder = tmp_path_factory.mktemp("deployed")
    done = run_command("deploy", trained.folder, "--output", folder)
    assert done.status == 0, done.err
    form = OnnxDetector(folder / "model.onnx").metadata.input
    paths = sorted(trained.split("test")[1].iterdir())[:4]
    images = [prepare(path, form).pixels for path in paths]
    none = onnx.load(folder / "model.onnx")
    (suppression,) = [node for node in none.graph.node if node.op_type == "NonMaxSuppression"]
    (threshold,) = [tensor for tensor in none.graph.initializer if tensor.name == suppression.input[4]]
    threshold.CopyFrom(numpy_helper.from_array(np.array([0.9999], np.float32), threshold.name))
    onnx.save(none, folder / "none.onnx")
    return folder, np.stack(images)


def there(runtime, model, images, folder):
    """A model's outputs in a runtime, and its own in ONNX Runtime, by name: (images, 1, ..)."""
    here = session(model)
    names = [value.name for value in here.get_outputs()]
    np.savez(folder / "inputs.npz", images=images, names=names)
    package = FOLDERS / runtime
    if runtime != "reference" and not package.is_dir():
        pytest.skip(f"no {package}; `make test-runtimes` installs it")
    script = Path(__file__).with_name("in_runtime.py")
    done = subprocess.run(
        [sys.executable, script, runtime, model, folder / "inputs.npz", folder / "outputs.npz"],
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=False,
    )
    own = [here.run(names, {"images": image}) for image in images]
    expected = {name: np.stack([one[i] for one in own]) for i, name in enumerate(names)}
    return done, dict(np.load(folder / "outputs.npz")) if done.returncode == 0 else None, expected


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_runtime_computes_what_onnx_runtime_does(runtime, form, deployed, tmp_path):
    folder, images = deployed
    done, found, expected = there(runtime, folder / f"{form}.onnx", images, tmp_path)
    if (runtime, form) == ("opencv4", "model"):  # has no NMS: `model-decoded` is for it
        assert 'of type "NonMaxSuppression"' in done.stderr
        return
    assert done.returncode == 0, done.stderr
    for name, values in expected.items():
        assert found[name].shape == values.shape
        difference = np.abs(found[name].astype(float) - values).max()
        print(f"{runtime}, {form}, {name}: {difference:.1e}")
        assert difference == 0 if name == "labels" else difference < 1e-3
    if form == "model":
        assert (expected["labels"] >= 0).sum() > 20


@pytest.mark.parametrize("runtime", [runtime for runtime in RUNTIMES if runtime != "opencv4"])
def test_an_image_without_detections(runtime, deployed, tmp_path):
    folder, images = deployed
    done, found, expected = there(runtime, folder / "none.onnx", images[:1], tmp_path)
    assert done.returncode == 0, done.stderr
    assert (found["labels"] == -1).all()
    assert (expected["labels"] == -1).all()
    assert not found["dets"].any()


@pytest.mark.parametrize("package", ["openvino", "opencv5"])
def test_the_commands_measure_it(package, trained, deployed, tmp_path):
    """AP in another runtime beside ONNX Runtime's, and its time, full against pruned."""
    import json

    if not (FOLDERS / package).is_dir():
        pytest.skip(f"no {FOLDERS / package}; `make test-runtimes` installs it")
    runtime = {"openvino": "openvino-f32", "opencv5": "opencv"}[package]
    annotations, images = trained.split("test")
    layout = tmp_path / "layout.json"
    layout.write_text(json.dumps({"version": 1, "head": "small", "kept": [0, 2, 6, 7]}))
    split = "--annotations", annotations, "--images", images, "--ap-images", 20
    timing = "--images", images, "--layout", "few", layout, "--no-torch", "--rounds", 4
    for words in (
        ("deploy", trained.folder, *split, "--output", tmp_path),
        ("latency", trained.folder, *timing, "--output", tmp_path / "latency.json"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "anchorprune", *map(str, words), "--runtime", runtime],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(FOLDERS / package), str(ROOT)])},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    models = json.loads((tmp_path / "metrics-onnx.json").read_text())["models"]
    (other,) = [name for name in models if name.startswith("model in Open")]
    assert models[other]["ap"] == pytest.approx(models["model"]["ap"], abs=1e-6)
    assert models[other]["ap"] > 0.05
    for row in json.loads((tmp_path / "latency.json").read_text())["detectors"]:
        assert list(row["runtimes"]) == [other.removeprefix("model in ")]
