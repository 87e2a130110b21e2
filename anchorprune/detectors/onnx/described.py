"""What a user says of an ONNX detector: a JSON file, and options over it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from anchorprune.detectors.onnx.facts import InputScaling, scaling_of
from anchorprune.errors import UserError, did_you_mean
from anchorprune.files import read_json
from anchorprune.heads.head import check_version
from anchorprune.heads.predictions import Postprocess

GRAPH = "onnx::graph"  # a config that adds nothing to what the graph tells
_POST = "postprocess."
_SCALING = ("divide", "channels", "fit", "pad")
_KEYS = ("classes", "input_size", "levels", "multi_label", "postprocess", *_SCALING)
# What is usual for a YOLOv5's AP; its class limits are none, and boxes without area stay.
_USUAL = Postprocess(0.001, 0.6, None, 300, -1)


@dataclass(frozen=True)
class Described:
    """What is said.

    Attributes:
        classes: names, in the order of the graph's; (): not said.
        input_size: (W, H); None: as the graph has it.
        levels: stride -> (w, h) of each anchor, input pixels; None: as the graph has them.
        scaling: of images.
        multi_label: see `Facts`.
        postprocess: what is made of the candidates.
    """

    classes: tuple[str, ...]
    input_size: tuple[int, int] | None
    levels: Mapping[int, tuple[tuple[float, float], ...]] | None
    scaling: InputScaling
    multi_label: bool
    postprocess: Postprocess


def read_description(config: str, options: Sequence[str]) -> Described:
    """Read `config`, a JSON file or `onnx::graph`, and options KEY=VALUE over it.

    Raises:
        UserError: the file is missing, or a key is unknown or of the wrong kind.
    """
    value = given(config, options)
    try:
        post = _USUAL.to_dict() | value.get("postprocess", {})
        size = value.get("input_size")
        size = None if size is None else (int(size[0]), int(size[1]))
        levels = value.get("levels")
        if levels is not None:
            levels = {int(one["stride"]): tuple((float(w), float(h)) for w, h in one["anchors"]) for one in levels}
        classes = tuple(map(str, value.get("classes", ())))
        multi = value.get("multi_label", True)
        if isinstance(value.get("classes"), str) or not isinstance(multi, bool):
            raise TypeError("classes is a list of names, multi_label true or false")
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"{config}: a value is of the wrong kind ({error!r}); docs/onnx.md shows the form") from None
    scaling = scaling_of({key: value[key] for key in _SCALING if key in value}, config)
    return Described(classes, size, levels, scaling, multi, Postprocess.from_dict(post, config))


def given(config: str, options: Sequence[str]) -> dict[str, Any]:
    """What `config` and the options over it say, by key; `postprocess` may be a part of it.

    Raises:
        UserError: the file is missing, or a key is unknown or its value cannot be read.
    """
    value, said = _of_file(config), _options(options)
    value |= {key: found for key, found in said.items() if not key.startswith(_POST)}
    post = {key.removeprefix(_POST): found for key, found in said.items() if key.startswith(_POST)}
    if not isinstance(value.get("postprocess", {}), Mapping):
        raise UserError(f"{config}: postprocess is an object of its limits; docs/onnx.md shows the form")
    if post or "postprocess" in value:
        value["postprocess"] = {**value.get("postprocess", {}), **post}
    return value


def listed(anchors: Sequence[Sequence[float]]) -> str:
    """Anchors (w, h) for people."""
    return " ".join(f"{w:g}x{h:g}" for w, h in ((round(w, 2), round(h, 2)) for w, h in anchors))


def _of_file(config: str) -> dict[str, Any]:
    if config == GRAPH:
        return {}
    found = read_json(Path(config), "description of an ONNX detector")
    check_version(found, config)
    for key in found:
        if key not in (*_KEYS, "version"):
            raise UserError(f"{config}: unknown key {key!r}; known: {', '.join(_KEYS)}{did_you_mean(key, _KEYS)}")
    return {key: value for key, value in found.items() if key != "version"}


def _options(options: Sequence[str]) -> dict[str, Any]:
    found = {}
    for text in options:
        key, equals, value = text.partition("=")
        if not equals or not (key in _KEYS or key.startswith(_POST)):
            raise UserError(f"--option {text!r}: give KEY=VALUE with one of {', '.join(_KEYS)}, or {_POST}KEY")
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UserError(f"--option {text!r}: the value cannot be read as YAML; quote it, or correct it") from None
    return found
