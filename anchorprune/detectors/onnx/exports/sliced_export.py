"""Raw exports of other heads: sliced ones, and those that are called otherwise; their metadata made new."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from anchorprune.deploy.onnx.metadata import Metadata
from anchorprune.detectors.onnx.exports.read_export import ExportGraph
from anchorprune.detectors.onnx.sliced import slice_graph
from anchorprune.heads.head import Head


def slice_export(read: ExportGraph, head: Head, kept: np.ndarray) -> onnx.ModelProto:
    """The raw export of some of the anchors.

    Args:
        read: the whole one.
        head: of those anchors.
        kept: (anchors,) bool.
    """
    metadata, counts = read.said.metadata, [len(level.sides) for level in read.said.levels]
    stays = [bool(part.any()) for part in np.split(kept, np.cumsum(counts)[:-1])]
    names = {name for level, stay in zip(read.said.levels, stays, strict=True) if stay for name in level.names}
    coding = dict(metadata.coding)
    coding["channels"] = {name: width for name, width in coding["channels"].items() if name in names}
    for key in ("anchor_centres", "strides"):
        if key in coding:
            coding[key] = [value for value, stay in zip(coding[key], stays, strict=True) if stay]
    return say(slice_graph(read, kept), replace(metadata, coding=coding), head=head.to_dict())


def say(model: onnx.ModelProto, metadata: Metadata, **changes: Mapping[str, Any]) -> onnx.ModelProto:
    """The model, with other metadata; what other programs wrote there stays."""
    found = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, {**found, **replace(metadata, **changes).to_properties()})
    return model
