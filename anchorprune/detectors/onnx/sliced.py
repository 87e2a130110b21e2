"""Slicing a graph: the channels, constants and shapes of the kept anchors, and nothing of the others."""

from dataclasses import replace

import numpy as np
import onnx
from onnx import numpy_helper

from anchorprune.detectors.onnx.along import Along
from anchorprune.detectors.onnx.nodes import drop_unused, producers
from anchorprune.detectors.onnx.traced import TracedGraph
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout


def slice_head(head: Head, layout: Layout) -> Head:
    """The head of a layout; a level that is dropped stays, without anchors."""
    pairs = zip(head.levels, layout.kept_per_level, strict=True)
    levels = tuple(replace(level, anchors=tuple(level.anchors[k] for k in kept)) for level, kept in pairs)
    return replace(head, levels=levels)


def slice_graph(read: TracedGraph, kept: np.ndarray) -> onnx.ModelProto:
    """The model of some of the anchors, with the input and the outputs it had.

    An output that has anchors of dropped levels alone goes with them.

    Args:
        read: the whole model.
        kept: (anchors,) bool.
    """
    model = onnx.ModelProto()
    model.CopyFrom(read.model)
    _Cutter(read, kept, model.graph).cut()
    drop_unused(model.graph)
    return model


class _Cutter:
    def __init__(self, read: TracedGraph, kept: np.ndarray, graph: onnx.GraphProto):
        self._read, self._kept, self._graph = read, kept, graph
        self._made: dict[tuple, str] = {}

    def cut(self) -> None:
        graph, along = self._graph, self._read.trace.along
        makers = producers(graph)
        for head in self._read.heads:
            node = makers[head]
            for i, name in enumerate(node.input):
                if i and name:
                    node.input[i] = self._part(name, 0, self._channels(head))
        for place, site in self._read.trace.sites.items():
            node = graph.node[place]
            for i, axis in site.cuts.items():
                node.input[i] = self._part(node.input[i], axis, along[site.node.output[0]])
            if site.shape_input is not None:
                self._reshape(node, site.shape_input)
            if site.joins:
                stay = [name for name in node.input if self._stays(along[name])]
                del node.input[:]
                node.input.extend(stay)
        stay = [value for value in graph.output if value.name not in along or self._stays(along[value.name])]
        for value in stay:
            if value.name in along:
                self._note(value, along[value.name])
        noted = [value for value in graph.value_info if value.name not in along]
        for field, values in ((graph.output, stay), (graph.value_info, noted)):
            copies = [onnx.ValueInfoProto.FromString(value.SerializeToString()) for value in values]
            del field[:]
            field.extend(copies)

    def _stays(self, along: Along) -> bool:
        return bool(self._kept[along.anchors].any())

    def _channels(self, head: str) -> Along:
        return Along(0, self._read.trace.along[head].on(1, self._read.observed.shape(head)[1]))

    def _part(self, name: str, axis: int, along: Along) -> str:
        """A new constant: of another one, what is the kept anchors' along an axis."""
        value = self._read.observed.value(name)
        index = np.flatnonzero(self._kept[along.on(along.axis, value.shape[axis])])
        return self._constant(value.take(index, axis), name)

    def _reshape(self, node: onnx.NodeProto, place: int) -> None:
        """Write the output's shape down: the anchors' axis has a new length, and a batch of any size stays so."""
        name = node.output[0]
        shape, along = list(self._read.observed.shape(name)), self._read.trace.along[name]
        if along.axis is not None:
            shape[along.axis] = int(self._kept[along.anchors].sum())
        constant = self._read.observed.constant(node.input[place])
        given = None if constant is None else constant.tolist()
        if given is None:  # computed: of an input whose size is now known
            batch = self._read.observed.shape(node.input[0])[0] == shape[0]
            given = [0 if i == 0 and batch else side for i, side in enumerate(shape)]
            attributes = [value for value in node.attribute if value.name != "allowzero"]
            del node.attribute[:]
            node.attribute.extend(attributes)
        # -1 is worked out and 0 taken over by the operator itself.
        stays = [g == -1 or (g == 0 and i != along.axis) for i, g in enumerate(given)]
        new = [g if stay else side for g, side, stay in zip(given, shape, stays, strict=True)]
        node.input[place] = self._constant(np.array(new, np.int64), node.input[place])

    def _constant(self, value: np.ndarray, name: str) -> str:
        key = name, value.shape, value.tobytes()
        if key not in self._made:
            self._made[key] = f"{name}/kept/{len(self._made)}"
            self._graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), self._made[key]))
        return self._made[key]

    def _note(self, value: onnx.ValueInfoProto, along: Along) -> None:
        sides = value.type.tensor_type.shape.dim
        if along.axis is not None and len(sides) > along.axis and sides[along.axis].HasField("dim_value"):
            sides[along.axis].dim_value = int(self._kept[along.anchors].sum())
