"""What a `model-raw.onnx` says of itself: its metadata, looked over."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from anchorprune.deploy.onnx.metadata import Metadata
from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from anchorprune.heads.predictions import Postprocess

OUTPUTS = {"deltas": 2, "yolov3": 1}  # coding -> raw outputs of a level
_KEYS = {"head", "input", "postprocess", "opset"}


@dataclass(frozen=True)
class RawLevel:
    """A level that has anchors.

    Attributes:
        names: of its raw outputs: logits and deltas, or YOLOv3's one with everything.
        widths: channels of an anchor in each.
        first: number of its first anchor.
        centre: (x, y) of the first cell's anchors, input pixels.
        strides: (x, y) distance of neighbouring cells, input pixels.
        sides: (A, 2) float32, (w, h) of its anchors, input pixels.
    """

    names: tuple[str, ...]
    widths: tuple[int, ...]
    first: int
    centre: tuple[float, float]
    strides: tuple[float, float]
    sides: np.ndarray


@dataclass(frozen=True)
class RawExport:
    """What a file says.

    Attributes:
        metadata: as they are.
        head: its levels; those that were dropped have no anchors, and no outputs.
        postprocess: what is made of the candidates.
        levels: those that have anchors.
    """

    metadata: Metadata
    head: Head
    postprocess: Postprocess
    levels: tuple[RawLevel, ...]

    @property
    def names(self) -> list[str]:
        """Of the raw outputs, level by level."""
        return [name for level in self.levels for name in level.names]


def is_export(model: onnx.ModelProto) -> bool:
    """Whether `anchorprune deploy` wrote a model, in any of its forms."""
    return {entry.key for entry in model.metadata_props} >= _KEYS


def read_said(model: onnx.ModelProto, source: Path) -> RawExport:
    """Read a model's metadata.

    Raises:
        UserError: it is no raw export, or one of an older version, or says what does not fit together.
    """
    outputs = {value.name for value in model.graph.output}
    metadata = Metadata.from_properties({entry.key: entry.value for entry in model.metadata_props}, source)
    if not outputs.isdisjoint(("dets", "boxes")):
        raise UserError(
            f"{source}: a model of `anchorprune deploy` that decodes its boxes itself; give the model-raw.onnx that "
            "was written beside it"
        )
    if metadata.coding.get("kind") not in OUTPUTS:
        raise UserError(
            f"{source}: its metadata do not say how its outputs are read (coding {metadata.coding.get('kind')!r}), as "
            "those of older versions do not; export it again with this one"
        )
    head = Head.from_dict(metadata.head, f"{source}: metadata 'head'")
    post = Postprocess.from_dict(metadata.postprocess, f"{source}: metadata")
    try:
        levels = _levels(metadata, head)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"{source}: its metadata are damaged ({error!r}); export it again") from None
    found = RawExport(metadata, head, post, levels)
    widths = {level.widths for level in levels}
    if set(found.names) != outputs or len(metadata.classes) != head.num_classes or widths != {_widths(metadata)}:
        raise UserError(f"{source}: its outputs are not those that its metadata tell of; export it again")
    return found


def _levels(metadata: Metadata, head: Head) -> tuple[RawLevel, ...]:
    coding, found, first = metadata.coding, [], 0
    kept, channels = [level for level in head.levels if level.anchors], list(coding["channels"].items())
    each = OUTPUTS[coding["kind"]]
    if len(channels) != each * len(kept) or not kept:
        raise ValueError(f"{len(channels)} outputs of {len(kept)} levels")
    strides = coding.get("strides") or [(level.stride, level.stride) for level in kept]  # older files have none
    for i, (level, centre, steps) in enumerate(zip(kept, coding["anchor_centres"], strides, strict=True)):
        names, widths = zip(*channels[each * i : each * (i + 1)], strict=True)
        points = (tuple(map(float, value)) for value in (centre, steps))
        found.append(RawLevel(names, widths, first, *points, np.array(level.anchors, np.float32)))
        first += len(level.anchors)
    return tuple(found)


def _widths(metadata: Metadata) -> tuple[int, ...]:
    """Channels of an anchor in each output of a level, by the classes."""
    coding, classes = metadata.coding, len(metadata.classes)
    if coding["kind"] == "yolov3":
        return (5 + classes,)
    if "labels" in coding:  # which of the logits are classes
        logits = next(iter(coding["channels"].values()))
        return (logits if len(coding["labels"]) == classes and max(coding["labels"]) < logits else 0), 4
    return classes + (coding["background"] is not None), 4
