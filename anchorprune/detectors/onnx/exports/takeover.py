"""A raw export before it is a folder: read, held against annotations, tried, taken over."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import onnx
import yaml

from anchorprune.datasets.offered import listed_names
from anchorprune.detectors.foreign import Foreign, LookedOver
from anchorprune.detectors.onnx.described import given, listed
from anchorprune.detectors.onnx.exports.detector import ExportDetector
from anchorprune.detectors.onnx.exports.read_export import ExportGraph, read_export
from anchorprune.detectors.onnx.exports.said import RawExport, read_said
from anchorprune.detectors.onnx.exports.sliced_export import say
from anchorprune.detectors.onnx.folder import EXPORT, write_folder
from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from anchorprune.heads.labels import label_names
from anchorprune.heads.predictions import Postprocess

_TAKEN = ("classes", "postprocess")


def read_foreign_export(foreign: Foreign, model: onnx.ModelProto) -> ExportGraph:
    """What a raw export is, with the head's name, and what the user says otherwise: classes' names, post-processing.

    Raises:
        UserError: it cannot be read, or an option is not one of these.
    """
    said, source = given(foreign.config, foreign.options), foreign.weights
    for key in said:
        if key not in _TAKEN:
            raise UserError(f"{source}: a raw export says itself what {key} is; give {' or '.join(_TAKEN)}, or neither")
    before = read_said(model, source)
    classes = _names(said, before.metadata.classes, source)
    post = Postprocess.from_dict(before.postprocess.to_dict() | said.get("postprocess", {}), str(source))
    changes = {"classes": classes, "postprocess": asdict(post)}
    head = replace(before.head, name=foreign.name)
    return read_export(say(model, before.metadata, head=head.to_dict(), **changes), source)


def _names(said: Mapping[str, Any], before: tuple[str, ...], source: Path) -> tuple[str, ...]:
    """The classes' names that the user says, or those of the file."""
    classes = said.get("classes", before)
    if not isinstance(classes, list | tuple) or len(classes) != len(before):
        raise UserError(f"{source}: has {len(before)} classes; name as many: classes=[NAME, ...]")
    return tuple(map(str, classes))


def take_over_export(foreign: Foreign, model: onnx.ModelProto, output: Path) -> Head:
    """Write the folder of a raw export; errors as `read_foreign_export`."""
    read = read_foreign_export(foreign, model)
    write_folder(output, EXPORT, read.said.head, read.model)
    return read.said.head


def look_over_export(
    foreign: Foreign,
    model: onnx.ModelProto,
    classes: str | None,
    annotations: Path,
    names: Sequence[str],
    photo: Path,
) -> LookedOver:
    """Check a raw export against annotations and try it on a photo; see `Backend.look_over`."""
    before = read_said(model, foreign.weights).metadata.classes
    own = _names(given(foreign.config, foreign.options), before, foreign.weights)
    own = own if classes is None else [name.strip() for name in classes.split(",")]
    label_names(own, listed_names(annotations), names, False)
    options = [text for text in foreign.options if text.partition("=")[0] != "classes"]
    if list(names) != list(before):
        options.append(f"classes={yaml.safe_dump(list(names), default_flow_style=True)}")
    read = read_foreign_export(replace(foreign, options=tuple(options)), model)
    overrides = {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in options)}
    list(ExportDetector(read, foreign.weights, 1).on_photos([photo]))
    return LookedOver(read.said.head, overrides, _found(read.said, foreign.weights))


def _found(said: RawExport, source: Path) -> str:
    """A line on what was found in a file."""
    form, coding = said.metadata.input, said.metadata.coding
    levels = ", ".join(f"stride {level.strides[0]:g}: {listed(level.sides.tolist())}" for level in said.levels)
    scores = "objectness times class" if coding["kind"] == "yolov3" else coding["activation"]
    size = "any size" if form.divisor is not None else f"{form.width} x {form.height}"
    return (
        f"{source}: raw export of `anchorprune deploy`, {len(said.metadata.classes)} classes, input {size}, scores by "
        f"{scores}; anchors of {levels}"
    )
