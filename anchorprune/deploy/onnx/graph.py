"""Graphs of ONNX's own operators by onnxscript's builder: an empty one to begin with, and the model at the end."""

from collections.abc import Mapping, Sequence

import onnx
from onnxscript import GraphBuilder, ir


def new_graph(name: str, opset: int) -> GraphBuilder:
    """A builder of an empty graph; its `op` adds operators of this opset."""
    return GraphBuilder(ir.Graph([], [], nodes=[], opset_imports={"": opset}, name=name))


def model_of(builder: GraphBuilder, outputs: Mapping[str, tuple[ir.Value, Sequence[int | str]]]) -> onnx.ModelProto:
    """The finished model.

    Args:
        builder: of its graph.
        outputs: name -> (the value it names, its shape).
    """
    for name, (value, shape) in outputs.items():
        value.shape = ir.Shape(shape)
        builder.add_output(value, name)
    for node in builder.graph:
        node.metadata_props.clear()  # the builder's scopes, of which there are none here
    return ir.to_proto(ir.Model(builder.graph, ir_version=onnx.IR_VERSION, producer_name="anchorprune"))
