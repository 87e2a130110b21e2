"""What a model says of itself: all that a program needs to feed it and to read its detections."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from anchorprune.deploy.onnx.coding import Coding
from anchorprune.deploy.onnx.levels import Level
from anchorprune.errors import UserError

# How an image becomes the model's input, beside `InputForm`'s facts.
LAYOUT = "float32 NCHW, RGB, 0..255, bilinear resize; mean and deviation are applied by the model"
UNROUNDED = f"{LAYOUT}; the resized image is not rounded to whole numbers"


@dataclass(frozen=True)
class InputForm:
    """How an image becomes the model's input.

    Attributes:
        width: of the input, pixels.
        height: of the input, pixels.
        keep_ratio: scale by one factor so that the image fits into `scale`; else scale to `scale`. It lies at the top
            left, and `padding` fills the rest.
        padding: RGB, 0..255.
        scale: (W, H) that images are scaled by, pixels; None: the input's.
        layout: the rest in words.
        divisor: None, or the input has any size: the scaled image's, each side padded to a multiple of this. `scale` is
            then turned for an image that stands the other way, and `width` and `height` are those of one that fills it.
        rounded: the scaled image has whole values, as mmdet's; torchvision scales in float32.
    """

    width: int
    height: int
    keep_ratio: bool
    padding: tuple[float, float, float]
    scale: tuple[int, int] | None = None
    layout: str = LAYOUT
    divisor: int | None = None
    rounded: bool = True


@dataclass(frozen=True)
class Metadata:
    """The model's `metadata_props`, each value as JSON.

    Attributes:
        head: the form of head.json.
        classes: category names in the order of the labels.
        input: how an image becomes the input.
        postprocess: as in the predictions file.
        opset: of ONNX's own operators.
        provenance: program version, commit, weights.
        coding: how raw outputs are read, see `facts_of`; empty in older models.
    """

    head: dict[str, Any]
    classes: tuple[str, ...]
    input: InputForm
    postprocess: dict[str, Any]
    opset: int
    provenance: dict[str, Any]
    coding: dict[str, Any] = field(default_factory=dict)

    def to_properties(self) -> dict[str, str]:
        """The form in the model's file; a `divisor` that is none, and `rounded` where it is so, are left out."""
        values = asdict(self)
        if self.input.divisor is None:
            del values["input"]["divisor"]
        if self.input.rounded:
            del values["input"]["rounded"]
        return {key: json.dumps(value, allow_nan=False) for key, value in values.items()}

    @classmethod
    def from_properties(cls, properties: dict[str, str], source: str | Path) -> "Metadata":
        """Read what `to_properties` wrote.

        Raises:
            UserError: a key is missing, or is not JSON of the known form.
        """
        try:
            values = {key: json.loads(properties[key]) for key in cls.__dataclass_fields__ if key != "coding"}
            values["coding"] = json.loads(properties.get("coding", "{}"))
            values["classes"] = tuple(values["classes"])
            lists = {key: tuple(value) for key, value in values["input"].items() if isinstance(value, list)}
            values["input"] = InputForm(**{**values["input"], **lists})
        except (KeyError, ValueError, TypeError) as error:
            raise UserError(
                f"{source}: no model of `anchorprune deploy` (metadata: {error}); export it again"
            ) from None
        return cls(**values)


def facts_of(levels: Sequence[Level], coding: Coding) -> dict[str, Any]:
    """How raw outputs are read: the coding's facts, their channels, and where each level's anchors lie.

    `channel_order` is that of an output's channels, the slowest first; `anchor_centres` are, for each level that keeps
    anchors, the (x, y) of the first cell's, input pixels; the next cell's are further by its `strides`, (x, y) too.
    """
    centres = [((level.cell[0, :2] + level.cell[0, 2:]) / 2).tolist() for level in levels]
    return {
        **coding.facts(),
        "channel_order": ["anchor", "code"],
        "channels": {name: width for level in levels for name, width in zip(level.names, coding.channels, strict=True)},
        "anchor_centres": centres,
        "strides": [level.steps for level in levels],
    }
