"""Constants that torch expands to the other factor's shape before a product, which broadcasts by itself."""

import onnx

ELEMENTWISE = ("Add", "Div", "Mul", "Sub")


def without_expands(model: onnx.ModelProto) -> onnx.ModelProto:
    """A model whose elementwise operators take what was expanded for them as it was; nodes for that shape go too.

    OpenCV 4 expands SSD's L2Norm weights by the batch's unknown size, and runs out of memory. The model is changed.
    """
    graph = model.graph
    shapes = {value.name: _shape(value) for value in (*graph.value_info, *graph.input)}
    for node in [node for node in graph.node if node.op_type == "Expand"]:
        (made,) = node.output
        users = [user for user in graph.node if made in user.input]
        if shapes.get(made) and all(_has_shape_from_another(user, made, shapes) for user in users):
            for user in users:
                user.input[list(user.input).index(made)] = node.input[0]
            graph.node.remove(node)
    _remove_unused(graph)
    return model


def _shape(value: onnx.ValueInfoProto) -> tuple[int | str, ...]:
    return tuple(side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim)


def _has_shape_from_another(user: onnx.NodeProto, made: str, shapes: dict[str, tuple[int | str, ...]]) -> bool:
    """Whether an elementwise operator has another input of the shape that `made` was expanded to."""
    others = [name for name in user.input if name != made]
    return user.op_type in ELEMENTWISE and len(others) == 1 and shapes.get(others[0]) == shapes[made]


def _remove_unused(graph: onnx.GraphProto) -> None:
    """Take out nodes and constants that nothing uses."""
    kept = {value.name for value in graph.output}
    for node in reversed(list(graph.node)):
        if kept.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            kept.update(node.input)
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in kept]:
        graph.initializer.remove(tensor)
