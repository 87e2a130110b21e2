"""A linear detector before it is a folder: a JSON file with what it is, and weights, if any, in an .npz file."""

import json
from collections.abc import Sequence
from pathlib import Path

from anchorprune.anchors.anchor_sets import read_anchor_set
from anchorprune.detectors.foreign import Foreign
from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.heads.head import Head, Level
from anchorprune.heads.predictions import Postprocess
from linear_detector.detector import LinearDetector, read_weights
from linear_detector.pixels import FEATURES


def read_foreign(foreign: Foreign, classes: Sequence[str] = ()) -> LinearDetector:
    """The detector, of these classes or else its own, with weights where it has any.

    Raises:
        UserError: a file is missing, or lacks a key, or the weights are another detector's.
    """
    value = read_json(foreign.config, "linear detector")
    for option in foreign.options:
        key, _, text = option.partition("=")
        value["postprocess"][key.removeprefix("postprocess.")] = json.loads(text)
    if foreign.anchors is not None:
        anchors = read_anchor_set(foreign.anchors)
        value |= {"strides": anchors["strides"], "anchors": anchors["levels"]}
    try:
        (width, height), classes, levels = value["input_size"], tuple(classes or value["classes"]), []
        for stride, anchors in zip(value["strides"], value["anchors"], strict=True):
            grid, shapes = (height // stride, width // stride), tuple((float(w), float(h)) for w, h in anchors)
            levels.append(Level(stride, grid, 0, grid[0] * grid[1] * FEATURES * (len(classes) + 4), shapes))
        head, postprocess = Head(foreign.name, (width, height), len(classes), tuple(levels)), value["postprocess"]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{foreign.config}: not a linear detector ({error!r}); see tests/backends/linear") from None
    weights = {} if foreign.weights is None else read_weights(foreign.weights, head)
    found = Postprocess.from_dict(postprocess, foreign.config)
    return LinearDetector(head, classes, found, weights, foreign.weights or Path())
