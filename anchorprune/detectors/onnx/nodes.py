"""Small questions to an ONNX graph: who makes a value, who uses it, what is constant, what depends on the pixels."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

_SHAPES_ALONE = ("Shape", "Size")  # what they give does not depend on the values they are given


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """An attribute's value."""
    return next((onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)


def uses(node: onnx.NodeProto) -> Iterator[str]:
    """Names of the values that a node takes, those inside its sub-graphs included."""
    yield from filter(None, node.input)
    for found in node.attribute:
        for graph in [found.g, *found.graphs]:
            for inner in graph.node:
                yield from uses(inner)
            yield from (value.name for value in graph.output)


def producers(graph: onnx.GraphProto) -> dict[str, onnx.NodeProto]:
    """Value -> the node that makes it."""
    return {name: node for node in graph.node for name in node.output if name}


def image_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """What a caller must give: inputs without a value of their own."""
    known = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in known]


def of_pixels(graph: onnx.GraphProto) -> set[str]:
    """Values that depend on the pixels, and not on the images' size alone."""
    found = {value.name for value in image_inputs(graph)}
    for node in graph.node:
        if node.op_type not in _SHAPES_ALONE and not found.isdisjoint(uses(node)):
            found.update(node.output)
    return found


def constants(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    """Values of initializers and of nodes `Constant`."""
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return found


def drop_unused(graph: onnx.GraphProto) -> None:
    """Remove nodes, initializers and notes on values that no output needs."""
    images = {value.name for value in image_inputs(graph)}
    needed, kept = {value.name for value in graph.output}, []
    for node in reversed(graph.node):
        if not needed.isdisjoint(node.output):
            kept.append(node)
            needed.update(uses(node))
    made = {name for node in kept for name in node.output}
    _replace(graph.node, reversed(kept))
    _replace(graph.initializer, [tensor for tensor in graph.initializer if tensor.name in needed])
    _replace(graph.value_info, [value for value in graph.value_info if value.name in made])
    known = {tensor.name for tensor in graph.initializer}
    _replace(graph.input, [value for value in graph.input if value.name in known or value.name in images])


def _replace(field: Any, values: Iterable[Any]) -> None:
    values = list(values)
    copies = [type(value)() for value in values]
    for copy, value in zip(copies, values, strict=True):
        copy.CopyFrom(value)
    del field[:]
    field.extend(copies)
