"""The convolutions that a graph ends with: those from which its outputs come without another one."""

from collections.abc import Iterable

import onnx

from anchorprune.detectors.onnx.nodes import of_pixels, producers, uses

QUANTISED = ("QLinearConv", "ConvInteger")
_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", *QUANTISED)


def last_layers(graph: onnx.GraphProto, outputs: Iterable[str] | None = None) -> list[onnx.NodeProto]:
    """Those of some outputs, or of all, in the graph's order."""
    makers, pixels = producers(graph), of_pixels(graph)
    found, seen, left = [], set(), list(outputs or [value.name for value in graph.output])
    while left:
        name = left.pop()
        node = makers.get(name)
        if name in seen or node is None or name not in pixels:
            continue
        seen.add(name)
        if node.op_type in _WEIGHTED:
            found.append(node.output[0])
        else:
            left += uses(node)
    return [node for node in graph.node if node.output[0] in set(found)]


def behind(graph: onnx.GraphProto, names: Iterable[str]) -> list[onnx.NodeProto]:
    """The nodes that some values lead to, in order."""
    known, found = set(names), []
    for node in graph.node:
        if not known.isdisjoint(uses(node)):
            known.update(node.output)
            found.append(node)
    return found


def before(graph: onnx.GraphProto, name: str) -> set[str]:
    """Outputs of the nodes that a value needs."""
    makers, found, left = producers(graph), set(), [name]
    while left:
        node = makers.get(left.pop())
        if node is not None and node.output[0] not in found:
            found.add(node.output[0])
            left += uses(node)
    return found
