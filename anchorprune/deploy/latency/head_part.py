"""A level's part of the head with some of its anchors, as a small model whose time is that of the real one."""

import numpy as np
import onnx
from onnx import numpy_helper

from anchorprune.deploy.onnx.coding import Coding
from anchorprune.deploy.onnx.levels import LevelOutputs
from anchorprune.deploy.onnx.models import Models, part
from anchorprune.errors import UserError

# Files hold shapes, not weights: a convolution's time does not depend on them, and RetinaNet's would take 1 GB.
FILLING = np.float32(0.01)
SMALL = 1024  # values; smaller constants are kept, they may be shapes


def head_part(models: Models, number: int, level: LevelOutputs, coding: Coding, count: int) -> onnx.ModelProto:
    """A level's part of the head with only its first `count` anchors, its large constants filled with one value.

    Raises:
        UserError: the level's outputs are not made by plain convolutions.
    """
    model = part(models.head, [f"feature_{number}"], list(level.names))
    _shorten(model, level, coding, count)
    used = {value for node in model.graph.node for value in node.input}
    for value in [tensor for tensor in model.graph.initializer if tensor.name not in used]:
        model.graph.initializer.remove(value)
    del model.graph.value_info[:]
    for output, width in zip(model.graph.output, coding.channels, strict=True):
        output.type.tensor_type.shape.dim[1].dim_value = count * width
    return _filled(model)


def _shorten(model: onnx.ModelProto, level: LevelOutputs, coding: Coding, count: int) -> None:
    """Leave the last convolutions the channels of the first `count` anchors."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for name, width in zip(level.names, coding.channels, strict=True):
        last = next(node for node in model.graph.node if name in node.output)
        if last.op_type != "Conv" or not all(value in weights for value in last.input[1:]):
            raise UserError(f"latency table: {name} is not made by a plain convolution; measure the full detector")
        for place, value in enumerate(last.input[1:], 1):  # outputs may share a constant, so each gets its own
            last.input[place] = f"{name}/{place}"
            shorter = numpy_helper.to_array(weights[value])[: count * width].copy()
            model.graph.initializer.append(numpy_helper.from_array(shorter, last.input[place]))


def _filled(model: onnx.ModelProto) -> onnx.ModelProto:
    """A model whose large constants are made by nodes, so that its file is small."""
    kept, nodes = [], []
    for tensor in model.graph.initializer:
        if np.prod(tensor.dims) < SMALL:
            kept.append(tensor)
            continue
        shape = f"{tensor.name}/shape"
        kept.append(numpy_helper.from_array(np.array(tensor.dims, np.int64), shape))
        value = numpy_helper.from_array(np.array([FILLING]))
        nodes.append(onnx.helper.make_node("ConstantOfShape", [shape], [tensor.name], value=value))
    nodes += model.graph.node
    for field, values in ((model.graph.initializer, kept), (model.graph.node, nodes)):
        values = list(values)
        del field[:]
        field.extend(values)
    return model
