"""What the levels of a graph cost: multiply-accumulates of its convolutions."""

import numpy as np

from anchorprune.detectors.onnx.last_layers import before
from anchorprune.detectors.onnx.nodes import producers
from anchorprune.detectors.onnx.observed import run
from anchorprune.detectors.onnx.read_graph import YoloGraph


def level_costs(read: YoloGraph) -> list[tuple[int, int]]:
    """For each level what it costs once, and each of its anchors.

    The first are the convolutions before the head's that no other level and no other output needs; what several levels
    share is not counted. The second are the anchor's channels of the head's convolution.
    """
    makers, graph = producers(read.model.graph), read.model.graph
    outputs = [value.name for value in graph.output if value.name not in read.trace.along]
    needed = [before(graph, head) - {head} for head in read.heads]
    other = [before(graph, name) for name in outputs]
    own = [mine.difference(*other, *needed[:i], *needed[i + 1 :]) for i, mine in enumerate(needed)]
    layers = [name for mine in own for name in mine if _is_counted(read, makers[name].op_type, makers[name].input)]
    shapes = {name: value.shape for name, value in run(read.model, layers, read.size).items()} if layers else {}
    shapes |= {head: read.observed.shape(head) for head in read.heads}

    def macs(name: str) -> int:
        weight = read.observed.constant(makers[name].input[1])
        return int(np.prod(shapes[name][2:])) * weight.size

    return [
        (sum(macs(name) for name in mine if name in layers), macs(head) // count)
        for mine, head, count in zip(own, read.heads, read.counts, strict=True)
    ]


def _is_counted(read: YoloGraph, kind: str, given: list[str]) -> bool:
    return kind == "Conv" and read.observed.constant(given[1]) is not None
