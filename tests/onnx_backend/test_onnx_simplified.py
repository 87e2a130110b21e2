"""Exports that onnxsim or onnxslim went over are read and sliced as those before it."""

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from running.command import ROOT

sys.path += [str(ROOT / ".runtimes" / name) for name in ("onnxsim", "onnxslim")]  # where `make test-runtimes` puts them
torch = pytest.importorskip("torch")
onnxsim = pytest.importorskip("onnxsim")
onnxslim = pytest.importorskip("onnxslim")
from yolo_form import CLASSES, SIZE, export, network

from anchorprune.detectors.foreign import Foreign
from anchorprune.detectors.onnx.foreign import take_over
from anchorprune.detectors.registry import load
from anchorprune.heads.layout import Layout

pytestmark = [pytest.mark.detectors, pytest.mark.runtimes]

SIMPLIFY = {"onnxsim": lambda model: onnxsim.simplify(model)[0], "onnxslim": lambda model: onnxslim.slim(model)}


@pytest.mark.parametrize(
    "form", [{"form": "fused"}, {"form": "plain", "computed": True}, {"form": "split", "scaled": True}]
)
@pytest.mark.parametrize("tool", SIMPLIFY)
def test_simplified_is_as_before(form, tool, tmp_path):
    before = onnx.load(export(network(**form), tmp_path / "before.onnx"))
    simplified = SIMPLIFY[tool](before)
    assert len(simplified.graph.node) < len(before.graph.node)
    onnx.save(simplified, tmp_path / "after.onnx")
    found = []
    for name in ("before", "after"):
        foreign = Foreign("onnx::graph", "own", tmp_path / f"{name}.onnx", None, (f"classes={list(CLASSES)}",))
        take_over(foreign, tmp_path / name)
        full = load([tmp_path / name])
        sliced = full.slice(Layout.keep(full.head, (0, 2, 6)), tmp_path / f"{name} sliced")
        image = np.random.default_rng(0).random((1, 3, *SIZE[::-1])).astype(np.float32)
        found.append(onnxruntime.InferenceSession(sliced.source).run(None, {"images": image})[0])
        found.append(sliced.head)
    np.testing.assert_allclose(found[0], found[2], rtol=1e-5, atol=1e-5)
    assert found[0].shape == (1, 2 * 192 + 12, 8)
    assert [level.grid for level in found[1].levels] == [level.grid for level in found[3].levels]
