"""What torch expands before a product is left to broadcasting; other expansions stay."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx import parser

from anchorprune.deploy.onnx.broadcast import without_expands
from anchorprune.deploy.onnx.session import session

# A weight of each channel times what has any batch, as SSD's L2Norm; another that is an output itself.
TEXT = """
<ir_version: 10, opset_import: ["" : 18]>
g (float[batch, 2, 3] x) => (float[batch, 2, 3] y, float[batch, 2, 3] kept)
<float[1, 2, 1] w = {2, 5}, int64[2] rest = {2, 3}, float[batch, 2, 3] expanded>
{
  count = Shape <end = 1> (x)
  shape = Concat <axis = 0> (count, rest)
  expanded = Expand (w, shape)
  y = Mul (expanded, x)
  kept = Expand (w, shape)
}
"""


def test_an_expanded_factor_is_taken_as_it_is():
    x = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    expected = session(parser.parse_model(TEXT)).run(None, {"x": x})
    model = without_expands(parser.parse_model(TEXT))
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["Shape", "Concat", "Mul", "Expand"]
    for found, value in zip(session(model).run(None, {"x": x}), expected, strict=True):
        np.testing.assert_array_equal(found, value)
    alone = parser.parse_model(TEXT)
    alone.graph.node.pop()
    alone.graph.output.pop()
    assert [node.op_type for node in without_expands(alone).graph.node] == ["Mul"]
    assert [tensor.name for tensor in alone.graph.initializer] == ["w"]
