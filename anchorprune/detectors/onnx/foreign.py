"""An ONNX file before it is a folder: read, described as a head, tried, taken over."""

import ast
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import onnx
import yaml

from anchorprune.datasets.offered import listed_names
from anchorprune.detectors.foreign import Foreign, LookedOver
from anchorprune.detectors.onnx.described import Described, listed, read_description
from anchorprune.detectors.onnx.detector import YoloDetector
from anchorprune.detectors.onnx.exports.said import is_export
from anchorprune.detectors.onnx.exports.takeover import look_over_export, take_over_export
from anchorprune.detectors.onnx.facts import Facts
from anchorprune.detectors.onnx.folder import write_folder
from anchorprune.detectors.onnx.level_costs import level_costs
from anchorprune.detectors.onnx.model_file import read_model
from anchorprune.detectors.onnx.observed import check_runs
from anchorprune.detectors.onnx.probed import probe
from anchorprune.detectors.onnx.read_graph import YoloGraph, read_graph
from anchorprune.errors import UserError
from anchorprune.heads.head import Head, Level
from anchorprune.heads.labels import label_names


def read_foreign(foreign: Foreign, model: onnx.ModelProto) -> tuple[YoloGraph, Facts, Head]:
    """What the file of a YOLO is.

    Raises:
        UserError: it is no YOLO that is known here, or an option or the description is wrong.
    """
    said = read_description(foreign.config, foreign.options)
    if not said.classes:
        raise UserError(f"{foreign.weights}: give the names of its classes: --option 'classes=[NAME, ...]'")
    read = read_graph(model, foreign.weights, len(said.classes), said.input_size)
    found = probe(read)
    head = _head(read, foreign.name, said, found.anchors)
    own = said.scaling, said.multi_label, found.activated, said.postprocess, found.fractions
    return read, Facts(said.classes, read.heads, *own), head


def take_over(foreign: Foreign, output: Path) -> Head:
    """Write the folder of an ONNX file.

    Raises:
        UserError: it is neither a YOLO nor a raw export that is known here, or an option or the description is wrong.
    """
    model = _model_of(foreign)
    if is_export(model):
        return take_over_export(foreign, model, output)
    read, facts, head = read_foreign(foreign, model)
    write_folder(output, facts.to_dict(), head, read.model)
    return head


def _model_of(foreign: Foreign) -> onnx.ModelProto:
    if foreign.weights is None:
        raise UserError(f"{foreign.config}: an ONNX detector is its file; give it (--weights FILE.onnx)")
    if foreign.anchors is not None:
        raise UserError(f"{foreign.anchors}: an ONNX detector has the anchors it was trained with; leave them out")
    model = read_model(foreign.weights)
    check_runs(foreign.weights)
    return model


def look_over(
    foreign: Foreign, classes: str | None, annotations: Path, names: Sequence[str], photo: Path
) -> LookedOver:
    """Check an ONNX file against annotations and try it on a photo; see `Backend.look_over`."""
    model = _model_of(foreign)
    if is_export(model):
        return look_over_export(foreign, model, classes, annotations, names, photo)
    said = read_description(foreign.config, foreign.options)
    own, note = said.classes, ""
    if classes is not None:
        own = tuple(name.strip() for name in classes.split(","))
    elif not own:
        own = _names_in(model)
    if own:
        label_names(own, listed_names(annotations), names, False)
    else:
        note = f"; it names no classes, which are taken for {', '.join(names[:5])}{' ...' * (len(names) > 5)}"
    overrides = {"classes": list(names)}
    option = f"classes={yaml.safe_dump(overrides['classes'], default_flow_style=True)}"
    kept = tuple(text for text in foreign.options if text.partition("=")[0] != "classes")
    read, facts, head = read_foreign(replace(foreign, options=(*kept, option)), model)
    list(YoloDetector(read, facts, head, foreign.weights, 1).on_photos([photo]))
    overrides |= {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in kept)}
    return LookedOver(head, overrides, _found(read, facts, head) + note)


def _found(read: YoloGraph, facts: Facts, head: Head) -> str:
    """A line on what was found in a file."""
    levels = ", ".join(f"stride {level.stride}: {listed(level.anchors)}" for level in head.levels)
    form = f"decoded in {read.decoded}" if read.decoded else f"raw in {', '.join(read.raw)}"
    form += " in fractions of the input" * facts.fractions
    return (
        f"{read.source}: {head.num_classes} classes, input {read.size[0]} x {read.size[1]}, boxes {form}; anchors of "
        f"{levels}; images: {facts.scaling.fit}, {facts.scaling.channels}, 0..255 divided by {facts.scaling.divide:g}"
    )


def _names_in(model: onnx.ModelProto) -> tuple[str, ...]:
    """The classes that a model's metadata name, as YOLOv5's exports do: a list, or numbers and names."""
    for entry in model.metadata_props:
        if entry.key == "names":
            try:
                value = ast.literal_eval(entry.value)
                names = [value[i] for i in range(len(value))] if isinstance(value, dict) else list(value)
                return tuple(map(str, names))
            except (ValueError, SyntaxError, KeyError, TypeError):
                return ()
    return ()


def _head(read: YoloGraph, name: str, said: Described, anchors: Sequence | None) -> Head:
    if anchors is not None and said.levels is not None:
        raise UserError(f"{read.source}: decodes its boxes itself, by anchors that were found in it; leave levels out")
    levels = []
    for i, (costs, count) in enumerate(zip(level_costs(read), read.counts, strict=True)):
        grid = read.grid(i)
        stride = round(read.size[0] / grid[1])
        own = anchors[i] if anchors is not None else (said.levels or {}).get(stride)
        if own is None or len(own) != count:
            raise UserError(
                f"{read.source}: does not decode its boxes; say the {count} anchors of stride {stride} in --config "
                "FILE.json: levels (docs/onnx.md)"
            )
        levels.append(Level(stride, grid, *costs, tuple(own)))
    keep = said.scaling.fit == "letterbox"
    return Head(name, read.size, len(said.classes), tuple(levels), keep_ratio=keep)
