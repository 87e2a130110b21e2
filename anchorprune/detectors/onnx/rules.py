"""How each operator hands its inputs' anchors on to its outputs, and which of its constants have a part for each.

A rule gets a `Site` and returns where the anchors of the outputs are; it raises `Mixed` where it cannot say.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import onnx

from anchorprune.detectors.onnx.along import Along, reshaped
from anchorprune.detectors.onnx.nodes import attribute


class Mixed(Exception):  # noqa: N818 (no error of the program's)
    """An operator that mixes anchors, or of which it is not known here what it does with them."""


class Values(Protocol):
    """What is known of a graph's values."""

    def shape(self, name: str) -> tuple[int, ...]: ...
    def constant(self, name: str) -> np.ndarray | None: ...


@dataclass
class Site:
    """A node with anchors among its inputs.

    Attributes:
        node: the node.
        given: for each input, where its anchors are; None: it has none.
        values: the graph's.
        cuts: out: input -> axis, of the constants that have a part for each anchor.
        shape_input: out: the input that names the output's shape, where there is one.
        joins: out: the node puts values of other anchors behind one another.
    """

    node: onnx.NodeProto
    given: list[Along | None]
    values: Values
    cuts: dict[int, int] = field(default_factory=dict)
    shape_input: int | None = None
    joins: bool = False

    @property
    def first(self) -> Along:
        """Where the first input's anchors are; none other has any.

        Raises:
            Mixed: so it is not.
        """
        if self.given[0] is None or any(along is not None for along in self.given[1:]):
            raise Mixed("anchors where it has no place for them")
        return self.given[0]

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute."""
        return attribute(self.node, name, default)

    def shape(self, index: int) -> tuple[int, ...]:
        """Of an input."""
        return self.values.shape(self.node.input[index])

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Of the first output."""
        return self.values.shape(self.node.output[0])

    def numbers(self, index: int, name: str) -> list[int] | None:
        """A list of whole numbers that is an attribute in older operator sets and an input in later ones."""
        found = self.get(name)
        if found is None and index < len(self.node.input) and self.node.input[index]:
            found = self.values.constant(self.node.input[index])
            if found is None:
                raise Mixed(f"{name} that are not constant")
        return None if found is None else [int(number) for number in np.atleast_1d(found)]


def _elementwise(site: Site) -> Along:
    """Operators on equal places of their inputs, with ONNX's broadcasting."""
    rank, found = len(site.out_shape), []
    for i, along in enumerate(site.given):
        if along is not None:
            axis = None if along.axis is None else along.axis + rank - len(site.shape(i))
            found.append(Along(axis, along.anchors))
    if any(along != found[0] for along in found):
        raise Mixed("anchors in different places")
    if found[0].axis is not None:
        for i, along in enumerate(site.given):
            axis = found[0].axis - rank + len(site.shape(i)) if site.node.input[i] else -1
            if along is None and axis >= 0 and site.shape(i)[axis] != 1:
                site.cuts[i] = axis
    return found[0]


def _reshape(site: Site) -> Along:
    if site.node.op_type == "Squeeze" and site.numbers(1, "axes") is None:
        raise Mixed("any axis of length 1")
    along = reshaped(site.first, site.shape(0), site.out_shape)
    if along is None:
        raise Mixed("the parts of different anchors, which do not lie one behind the other in its input,")
    site.shape_input = 1 if site.node.op_type == "Reshape" else None
    return along


def _transpose(site: Site) -> Along:
    along = site.first
    order = list(site.get("perm") or reversed(range(len(site.out_shape))))
    return along if along.axis is None else Along(order.index(along.axis), along.anchors)


def _concat(site: Site) -> Along:
    if len(site.given) == 1:
        return site.first
    axis = site.get("axis") % len(site.out_shape)
    others = {along.axis for along in site.given if along is not None} - {None, axis}
    different = any(along != site.given[0] for along in site.given if along is not None)
    if others or not different:  # each part has all of the anchors
        return _beside(site, axis)
    if None in site.given:
        raise Mixed("anchors and what has none")
    site.joins = True
    return Along(axis, np.concatenate([a.on(axis, site.shape(i)[axis]) for i, a in enumerate(site.given)]))


def _beside(site: Site, axis: int) -> Along:
    found = [along for along in site.given if along is not None]
    if any(along != found[0] for along in found) or found[0].axis == axis:
        raise Mixed("anchors in different places")
    if found[0].axis is not None:
        site.cuts |= {i: found[0].axis for i, along in enumerate(site.given) if along is None}
    return found[0]


def _along_others(site: Site) -> Along:
    """Operators along axes: one that the anchors lie on must stay as it is."""
    along, rank = site.first, len(site.shape(0))
    if site.node.op_type == "Slice":
        axes = site.numbers(3, "axes")
        axes = list(range(rank)) if axes is None else axes
        if site.out_shape == site.shape(0):
            axes = []
    else:
        axes = [site.get("axis", 0)]
    if along.axis is not None and along.axis in [axis % rank for axis in axes]:
        raise Mixed("anchors by their place")
    return along


def _gather(site: Site) -> Along:
    along, axis = _along_others(site), site.get("axis", 0) % len(site.shape(0))
    if along.axis is None or along.axis < axis:
        return along
    return Along(along.axis - 1 + len(site.shape(1)), along.anchors)


def _matmul(site: Site) -> Along:
    if site.first.axis is not None and site.first.axis == len(site.shape(0)) - 1:
        raise Mixed("sums over anchors")
    return Along(site.first.axis, site.first.anchors)


_ELEMENTWISE = (
    "Abs Add Cast Clip Div Elu Exp HardSigmoid HardSwish Identity LeakyRelu Log Max Min Mul Neg Pow Reciprocal Relu "
    "Sigmoid Softplus Sqrt Sub Sum Tanh Where"
)
RULES: dict[str, Callable[[Site], Along]] = {
    **dict.fromkeys(_ELEMENTWISE.split(), _elementwise),
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), _reshape),
    **dict.fromkeys(("Slice", "Split"), _along_others),
    "Transpose": _transpose,
    "Concat": _concat,
    "Gather": _gather,
    "MatMul": _matmul,
}
