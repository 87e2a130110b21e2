"""Logits of which only some are classes, as torchvision's detectors have them, and the operators that read them."""

from dataclasses import dataclass, field
from typing import Any

from onnxscript import OpBuilder, ir

from anchorprune.deploy.onnx.coding import DeltaCoding


@dataclass(frozen=True)
class LabelledCoding(DeltaCoding):
    """Deltas beside logits of `outputs` labels; those of `labels` are the classes, in this order.

    Label 0 is the background where there is one. Source of the arithmetic: torchvision's BoxCoder, which bounds the
    width and height deltas from above alone.

    Attributes:
        outputs: logits of one anchor.
        labels: of the classes, ascending.
    """

    outputs: int = field(kw_only=True)
    labels: tuple[int, ...] = field(kw_only=True)

    @property
    def channels(self) -> tuple[int, int]:
        """Logits and deltas of one anchor."""
        return self.outputs, 4

    def scores(self, op: OpBuilder, rows: list[ir.Value]) -> tuple[ir.Value, ir.Value]:
        """See Coding."""
        scores = op.Softmax(rows[0], axis=-1) if self.background else op.Sigmoid(rows[0])
        first, after = self.labels[0], self.labels[-1] + 1
        if after - first == len(self.labels):  # not every runtime gathers
            return op.Slice(scores, [first], [after], [-1]), rows[1]
        return op.Gather(scores, list(self.labels), axis=-1), rows[1]

    def bounded(self, op: OpBuilder, growth: ir.Value) -> ir.Value:
        """Width and height deltas that are not too large."""
        return op.Min(growth, self.max_ratio)

    def facts(self) -> dict[str, Any]:
        """See Coding."""
        own = {"background": 0 if self.background else None, "bounded": "above", "labels": list(self.labels)}
        return {**super().facts(), **own}
