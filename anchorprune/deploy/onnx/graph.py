"""Building an ONNX graph node by node."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

Shape = Sequence[int | str]


class GraphBuilder:
    """Collects nodes and constants; every value is known by its name.

    Args:
        prefix: of the names made here, so that they meet no others when graphs are joined.
    """

    def __init__(self, prefix: str):
        self._prefix = prefix
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, value: Any, kind: type = np.float32) -> str:
        """The name of a constant."""
        name = f"{self._prefix}/constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return the name of its one output."""
        return self.add_many(operator, 1, *inputs, **attributes)[0]

    def add_many(self, operator: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node of `count` outputs and return their names."""
        name = f"{self._prefix}/{operator}_{len(self._nodes)}"
        outputs = [f"{name}_{i}" for i in range(count)]
        self._nodes.append(helper.make_node(operator, list(inputs), outputs, name=name, **attributes))
        return outputs

    def model(
        self, inputs: dict[str, Shape], outputs: dict[str, tuple[str, type, Shape]], opset: int
    ) -> onnx.ModelProto:
        """The finished model.

        Args:
            inputs: name -> shape, float32 all.
            outputs: name -> (the value it shows, its type, its shape).
            opset: of ONNX's own operators.
        """
        nodes = [*self._nodes]
        for name, (value, _, _) in outputs.items():
            nodes.append(helper.make_node("Identity", [value], [name], name=f"{self._prefix}/{name}"))
        graph = helper.make_graph(
            nodes,
            self._prefix,
            [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in inputs.items()],
            [
                helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape)
                for name, (_, kind, shape) in outputs.items()
            ],
            self._constants,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="anchorprune")
