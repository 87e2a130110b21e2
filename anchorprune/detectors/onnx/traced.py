"""Where the anchors of a head's convolutions go in a graph: followed node by node to its outputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from anchorprune.detectors.onnx.along import Along, simplest
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


def trace(
    graph: onnx.GraphProto, heads: Sequence[str], counts: Sequence[int], observed: Observed, source: object
) -> Trace:
    """Follow anchors, numbered over the heads.

    Args:
        graph: the graph.
        heads: outputs of the convolutions, each anchor-major in its channels.
        counts: anchors of each.
        observed: shapes and values.
        source: names the file in errors.

    Raises:
        UserError: a node does with them what is not known here.
    """
    along, first = {}, 0
    for name, count in zip(heads, counts, strict=True):
        channels = observed.shape(name)[1]
        along[name] = simplest(1, first + np.repeat(np.arange(count), channels // count))
        first += count
    pixels, sites = of_pixels(graph), {}
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
