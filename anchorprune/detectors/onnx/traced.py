"""Where the anchors of a head's convolutions go in a graph: followed node by node to its outputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from anchorprune.detectors.onnx.along import Along
from anchorprune.detectors.onnx.nodes import of_pixels, uses
from anchorprune.detectors.onnx.observed import Observed
from anchorprune.detectors.onnx.rules import RULES, Mixed, Site
from anchorprune.errors import UserError


@dataclass(frozen=True)
class Trace:
    """Where anchors are.

    Attributes:
        along: value -> where its anchors are; a value that is not here has none.
        sites: place of a node in the graph -> what it does with anchors.
    """

    along: Mapping[str, Along]
    sites: Mapping[int, Site]


@dataclass(frozen=True)
class TracedGraph:
    """A graph whose anchors have been followed.

    Attributes:
        model: the model.
        source: its file.
        heads: outputs of the head convolutions.
        trace: where the anchors go, numbered as the head's.
        observed: shapes and values.
    """

    model: onnx.ModelProto
    source: Path
    heads: tuple[str, ...]
    trace: Trace
    observed: Observed


def trace(graph: onnx.GraphProto, heads: Mapping[str, Along], observed: Observed, source: object) -> Trace:
    """Follow anchors from the head convolutions on.

    Args:
        graph: the graph.
        heads: outputs of the convolutions -> where their anchors are.
        observed: shapes and values.
        source: names the file in errors.

    Raises:
        UserError: a node does with them what is not known here.
    """
    along, pixels, sites = dict(heads), of_pixels(graph), {}
    for place, node in enumerate(graph.node):
        if along.keys().isdisjoint(uses(node)) or pixels.isdisjoint(node.output):
            continue
        site = Site(node, [along.get(name) for name in node.input], observed)
        try:
            if node.op_type not in RULES or node.domain not in ("", "ai.onnx"):
                raise Mixed("anchors in a way that is not known here")
            found = RULES[node.op_type](site)
            if any(node.input[i] in pixels for i in site.cuts):
                raise Mixed("anchors and other things of the image")
        except Mixed as error:
            raise UserError(
                f"{source}: node {node.name or node.output[0]} ({node.op_type}) takes {error}; give an export without "
                "NMS, with the anchors of a cell one behind the other (docs/onnx.md)"
            ) from None
        sites[place] = site
        along |= dict.fromkeys(filter(None, node.output), found)
    return Trace(along, sites)
