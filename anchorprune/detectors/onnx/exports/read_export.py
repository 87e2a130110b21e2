"""A raw export's graph: the convolutions that make its outputs, and their channels' anchors."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from anchorprune.detectors.onnx.along import Along, simplest
from anchorprune.detectors.onnx.exports.said import RawExport, RawLevel, read_said
from anchorprune.detectors.onnx.last_layers import QUANTISED, behind, last_layers
from anchorprune.detectors.onnx.nodes import attribute, constants, image_inputs, of_pixels
from anchorprune.detectors.onnx.observed import Observed, run
from anchorprune.detectors.onnx.traced import TracedGraph, trace
from anchorprune.errors import UserError


@dataclass(frozen=True)
class ExportGraph(TracedGraph):
    """A raw export; `heads` are the convolutions of its outputs, level by level.

    Attributes:
        said: what it says of itself.
    """

    said: RawExport


def read_export(model: onnx.ModelProto, source: Path) -> ExportGraph:
    """Find the head of a raw export in its graph.

    Raises:
        UserError: as `read_said`, or an output is not made by a convolution of its own, as the metadata have it.
    """
    said, graph = read_said(model, source), model.graph
    _check_input(graph, source)
    layers = {name: _layer(graph, name, source) for name in said.names}
    heads = [node.output[0] for node in layers.values()]
    known, nodes = constants(graph), behind(graph, heads)
    names = {name for node in nodes for name in (*node.input, *node.output) if name} | {*heads, *said.names}
    # RetinaNets whose levels have different anchors choose their filters in the graph.
    names |= {name for node in layers.values() for name in node.input[1:] if name}
    size = said.metadata.input.width, said.metadata.input.height
    observed = Observed(run(model, sorted(names - known.keys()), size), known)
    starts: dict[str, Along] = {}
    for level in said.levels:
        for name, width in zip(level.names, level.widths, strict=True):
            starts[layers[name].output[0]] = _along(level, width)
    found = trace(graph, starts, observed, source)
    for level in said.levels:
        for name, width in zip(level.names, level.widths, strict=True):
            _check_output(level, name, width, found.along.get(name), observed, source)
    if len(starts) != len(layers):
        raise UserError(f"{source}: outputs share a convolution, which its metadata do not tell of; export it again")
    return ExportGraph(model, source, tuple(heads), found, observed, said)


def _along(level: RawLevel, width: int) -> Along:
    return simplest(1, level.first + np.repeat(np.arange(len(level.sides)), width))


def _check_input(graph: onnx.GraphProto, source: Path) -> None:
    images = image_inputs(graph)
    kind = images[0].type.tensor_type if len(images) == 1 else None
    sides = [side.dim_value for side in kind.shape.dim] if kind is not None else []
    if len(sides) != 4 or kind.elem_type != onnx.TensorProto.FLOAT:
        raise UserError(f"{source}: not one input (batch, 3, H, W) of floats; export it again")
    if sides[0] > 1:
        raise UserError(
            f"{source}: takes {sides[0]} images at once; export it again without --batch, or with --batch 1"
        )


def _layer(graph: onnx.GraphProto, name: str, source: Path) -> onnx.NodeProto:
    """The one convolution that an output comes from."""
    found = last_layers(graph, [name])
    if len(found) != 1 or found[0].op_type != "Conv" or attribute(found[0], "group", 1) != 1:
        kinds = ", ".join(node.op_type for node in found) or "nothing"
        quantised = any(node.op_type in QUANTISED for node in found)
        remedy = "give the model before quantisation" if quantised else "export it again"
        raise UserError(f"{source}: output {name} is made by {kinds}, where one plain convolution was; {remedy}")
    if not of_pixels(graph).isdisjoint(found[0].input[1:]):
        raise UserError(f"{source}: the weights of output {name} depend on the image; export it again")
    return found[0]


def _check_output(
    level: RawLevel, name: str, width: int, along: Along | None, observed: Observed, source: Path
) -> None:
    """See that an output has its convolution's channels in their order, and the level's grid."""
    shape, first = observed.shape(name), observed.shape(level.names[0])
    if along != _along(level, width) or shape[1] != len(level.sides) * width or shape[2:] != first[2:]:
        raise UserError(
            f"{source}: output {name} {shape} is not {len(level.sides)} anchors of {width} channels, as its metadata "
            "say; export it again"
        )
