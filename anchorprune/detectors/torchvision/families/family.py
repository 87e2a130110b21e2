"""What is asked of a family of torchvision's heads."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from torch import Tensor, nn

from anchorprune.detectors.torchvision.facts import Facts
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Postprocess


class Family(Protocol):
    """A family's networks, as torchvision builds them, with other anchors, and in part.

    Attributes:
        by_class: rows of candidates go class by class, as the limit before NMS counts; else level by level.
        background: label 0 is no class.
        resizable: images have the size that is asked for; else the builder's.
    """

    by_class: bool
    background: bool
    resizable: bool

    def unweighted(self, architecture: str, outputs: int) -> nn.Module:
        """Torchvision's own network without weights: its tensors have shapes alone, but for the anchors."""

    def build(self, facts: Facts, head: Head, random: bool) -> nn.Module:
        """The network of a head, on the CPU: with torchvision's random weights, or with any, to be loaded."""

    def postprocess(self, model: nn.Module) -> Postprocess:
        """What torchvision makes of candidates."""

    def describe(
        self, model: nn.Module, name: str, architecture: str, classes: int, size: tuple[int, int] | None = None
    ) -> Head:
        """The head of a network that has every level.

        Args:
            model: see `unweighted`.
            name: of the head.
            architecture: name of torchvision's builder.
            classes: number of those that are looked for.
            size: (W, H) of the input; None: the builder's.
        """

    def first_layer(self, architecture: str) -> tuple[str, int]:
        """Name of the weight that gives the first level's scores, and of how many anchors it is."""

    def fit_anchors(self, head: Head, anchors: list[list[tuple[float, float]]]) -> list[list[tuple[float, float]]]:
        """Anchors (w, h), input pixels, as the network can have them."""

    def scores(self, logits: Tensor) -> Tensor:
        """(boxes, outputs) logits -> scores in 0..1."""

    def canvas(self, head: Head) -> tuple[int, int]:
        """(W, H) of the network's input for an image that fills the head's `input_size`."""

    def raw(self, model: nn.Module, maps: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Of each level's map, (images, anchors * outputs, H, W) logits and (images, anchors * 4, H, W) deltas."""

    def by_level(
        self, model: nn.Module, maps: Sequence[Tensor], outputs: dict[str, Tensor], anchors: list[Tensor]
    ) -> tuple[Any, Any]:
        """A head's outputs and anchors as the network's post-processing takes them."""

    def slice(self, state: Mapping[str, Tensor], facts: Facts, head: Head, layout: Layout) -> dict[str, Tensor]:
        """The weights of a layout."""

    def sliced_facts(self, facts: Facts, head: Head, layout: Layout) -> Facts:
        """What a layout's detector is beside its head and its weights."""

    def build_file(self, facts: Facts, head: Head) -> str:
        """Text of a file whose `build` gives the network with torch and torchvision alone."""


def limit(model: nn.Module, post: Postprocess) -> None:
    """Give a network its post-processing."""
    model.score_thresh, model.nms_thresh = post.score_threshold, post.nms_iou
    model.topk_candidates, model.detections_per_img = post.nms_pre, post.max_per_image


def sliced_head(head: Head, layout: Layout) -> Head:
    """The head of a layout; a level that is dropped stays, without anchors."""
    pairs = zip(head.levels, layout.kept_per_level, strict=True)
    levels = tuple(replace(level, anchors=tuple(level.anchors[k] for k in kept)) for level, kept in pairs)
    return replace(head, levels=levels)
