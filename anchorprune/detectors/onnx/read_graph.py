"""A YOLO's graph: its head convolutions, where their anchors go, and which of its outputs has the boxes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from anchorprune.detectors.onnx.along import Along, simplest
from anchorprune.detectors.onnx.last_layers import QUANTISED, behind, last_layers
from anchorprune.detectors.onnx.nodes import attribute, constants, image_inputs
from anchorprune.detectors.onnx.observed import KINDS, Observed, run
from anchorprune.detectors.onnx.traced import Trace, TracedGraph, trace
from anchorprune.errors import UserError

FIXED = 5  # x, y, w, h, objectness: what a box has beside its classes


@dataclass(frozen=True)
class YoloGraph(TracedGraph):
    """A graph, and what was found in it; `heads` are level by level, in the order of the outputs.

    Attributes:
        size: (W, H) of the input.
        width: values of a box: x, y, w, h, objectness, classes.
        counts: anchors of each head.
        decoded: the output with all boxes (1, boxes, width); None: there is none.
        raw: one output of each level, (1, anchors * width, H, W) or (1, anchors, H, W, width); () where `decoded` is.
    """

    size: tuple[int, int]
    width: int
    counts: tuple[int, ...]
    decoded: str | None
    raw: tuple[str, ...]

    def grid(self, level: int) -> tuple[int, int]:
        """(H, W) of a level."""
        return self.observed.shape(self.heads[level])[2:]

    @property
    def anchor_of_row(self) -> np.ndarray:
        """(boxes,) int64, of the rows of `decoded`."""
        return self.trace.along[self.decoded].on(1, self.observed.shape(self.decoded)[1])


def read_graph(model: onnx.ModelProto, source: Path, classes: int, size: tuple[int, int] | None) -> YoloGraph:
    """Find a YOLO's head in a graph.

    Args:
        model: the model.
        source: its file, for errors.
        classes: that it tells apart.
        size: (W, H) of its input, where the graph leaves it open, which it then does no more; else None.

    Raises:
        UserError: it is none, or of other classes, or needs a size.
    """
    graph, width = model.graph, FIXED + classes
    size, layers = _fixed_size(graph, source, size), last_layers(graph)
    heads = [node.output[0] for node in layers]
    nodes = behind(graph, heads)
    known = constants(graph)
    images = {value.name for value in image_inputs(graph)}
    names = {name for node in nodes for name in (*node.input, *node.output) if name} | set(heads)
    names |= {value.name for value in graph.output}
    observed = Observed(run(model, sorted(names - known.keys() - images), size), known)
    _check_layers(layers, observed, width, source, [value.name for value in graph.output])
    counts = [observed.shape(name)[1] // width for name in heads]
    found = trace(graph, _numbered(heads, counts, observed), observed, source)
    decoded, raw = _outputs(graph, found, observed, heads, width)
    if decoded is None and not raw:
        shapes = ", ".join(f"{value.name} {observed.shape(value.name)}" for value in graph.output)
        raise UserError(
            f"{source}: none of its outputs is (1, boxes, {width}), and they are not one of each level: {shapes}; "
            f"give an export of YOLOv5's or v7's form with {classes} classes"
        )
    return _in_order(YoloGraph(model, source, tuple(heads), found, observed, size, width, tuple(counts), decoded, raw))


def _numbered(heads: Sequence[str], counts: Sequence[int], observed: Observed) -> dict[str, Along]:
    """Where the anchors are in each head convolution's output, numbered over them, each with its channels together."""
    found, first = {}, 0
    for name, count in zip(heads, counts, strict=True):
        channels = observed.shape(name)[1]
        found[name] = simplest(1, first + np.repeat(np.arange(count), channels // count))
        first += count
    return found


def _fixed_size(graph: onnx.GraphProto, source: Path, given: tuple[int, int] | None) -> tuple[int, int]:
    """(W, H) of the input, which the graph then says too.

    Raises:
        UserError: it is no image, or its size is open and was not given, or another was.
    """
    images = image_inputs(graph)
    kind = images[0].type.tensor_type if len(images) == 1 else None
    sides = [side.dim_value for side in kind.shape.dim] if kind is not None else []
    if len(sides) != 4 or sides[0] > 1 or sides[1] not in (0, 3) or kind.elem_type not in KINDS:
        raise UserError(f"{source}: takes {_said(images)}; give a model of one input (1, 3, H, W), an image")
    own = (sides[3], sides[2])
    if given is None and 0 in own:
        raise UserError(f"{source}: leaves its input's size open; give it: input_size=[W, H] (docs/onnx.md)")
    if given is not None and any(side not in (0, want) for side, want in zip(own, given, strict=True)):
        raise UserError(f"{source}: takes images of {own[0]} x {own[1]}; correct input_size {list(given)}")
    size = given or own
    kind.shape.dim[2].dim_value, kind.shape.dim[3].dim_value = size[1], size[0]
    return size


def _check_layers(
    layers: Sequence[onnx.NodeProto], observed: Observed, width: int, source: Path, outputs: Sequence[str]
) -> None:
    for node in layers:
        if node.op_type in QUANTISED:
            raise UserError(
                f"{source}: quantised ({node.op_type}); give the model before quantisation, and quantise again"
            )
        channels = observed.shape(node.output[0])[1] if node.op_type == "Conv" else 0
        if not channels or channels % width or len(observed.shape(node.output[0])) != 4:
            what = f"{channels} channels" if channels else "no convolution"
            ends = ", ".join(f"{name} {observed.shape(name)}" for name in outputs)
            raise UserError(
                f"{source}: not a YOLO of {width - FIXED} classes: it ends with {node.name or node.output[0]} "
                f"({node.op_type}), {what}, where each anchor has {width}; its outputs: {ends}"
            )
        parts = [name for name in node.input[1:] if name]
        if attribute(node, "group", 1) != 1 or any(observed.constant(name) is None for name in parts):
            raise UserError(
                f"{source}: the weights of {node.name or node.output[0]} are computed in the graph, as in quantised "
                "models; give the model before quantisation"
            )
    if not layers:
        raise UserError(f"{source}: not a YOLO: no convolution leads to its outputs; give a detector")


def _outputs(
    graph: onnx.GraphProto, found: Trace, observed: Observed, heads: Sequence[str], width: int
) -> tuple[str | None, tuple[str, ...]]:
    """The output with all boxes, or else one of each level."""
    raw: dict[str, str] = {}
    for value in graph.output:
        along, shape = found.along.get(value.name), observed.shape(value.name)
        if along is None or along.axis not in (None, 1):
            continue
        if len(shape) == 3 and shape[2] == width:
            return value.name, ()
        for head in heads:
            grid, anchors = observed.shape(head)[2:], set(found.along[head].anchors)
            forms = (len(anchors) * width, *grid), (len(anchors), *grid, width)
            if anchors == set(along.anchors) and shape[1:] in forms:
                raw[head] = value.name
    return None, tuple(raw[head] for head in heads) if len(raw) == len(heads) else ()


def _in_order(read: YoloGraph) -> YoloGraph:
    """With levels in the order of the outputs, and anchors numbered so."""
    level_of = np.repeat(np.arange(len(read.heads)), read.counts)
    if read.decoded is not None:
        rows = level_of[read.anchor_of_row]
        order = rows[np.sort(np.unique(rows, return_index=True)[1])].tolist()
    else:
        place = {value.name: i for i, value in enumerate(read.model.graph.output)}
        order = sorted(range(len(read.raw)), key=lambda level: place[read.raw[level]])
    first = np.cumsum([0, *read.counts])
    numbers = np.empty(first[-1], np.int64)
    numbers[np.concatenate([np.arange(first[i], first[i + 1]) for i in order])] = np.arange(first[-1])
    along = {name: Along(a.axis, numbers[a.anchors]) for name, a in read.trace.along.items()}
    heads, counts = (tuple(values[i] for i in order) for values in (read.heads, read.counts))
    raw = tuple(read.raw[i] for i in order) if read.raw else ()
    return replace(read, heads=heads, counts=counts, trace=Trace(along, read.trace.sites), raw=raw)


def _said(images: Sequence[onnx.ValueInfoProto]) -> str:
    shapes = ([side.dim_value or side.dim_param or "?" for side in v.type.tensor_type.shape.dim] for v in images)
    return " and ".join(f"{v.name} {shape}" for v, shape in zip(images, shapes, strict=True)) or "no input"
