"""The ONNX models of one detector, cut from and joined to the one that torch writes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import compose
from onnx.utils import Extractor

from anchorprune.deploy.onnx.levels import BATCH
from anchorprune.deploy.onnx.metadata import Metadata
from anchorprune.files import whole_file

IMAGES = "images"
SIZES = "sizes"
# What a model gives, in words: its `outputs` in the metadata.
FINISHED = (
    "dets (batch, K, 5): x1 y1 x2 y2 in input pixels and score, the best first; labels (batch, K): classes from 0, -1 "
    "behind the last detection"
)
DECODED = (
    "boxes (batch, M, 4): x1 y1 x2 y2 in input pixels; scores (batch, M, C): 0..1, no background; level by level, cell "
    "by cell (rows first), anchor by anchor; before nms_pre, score threshold and NMS"
)
RAW = (
    "the head's raw outputs level by level, (batch, anchors * codes, H, W), before activation and decoding; `coding` "
    "says how to read them"
)


@dataclass(frozen=True)
class Models:
    """A detector's models; each stands for itself, and is made anew when it is asked for, since it holds all weights.

    Attributes:
        whole: from images to features and raw outputs of the levels that keep anchors.
        finish: from raw outputs, and the images' sizes where they differ, to detections.
        decode: from the same to every box and its scores.
        metadata: what a user of the models must know.
    """

    whole: onnx.ModelProto
    finish: onnx.ModelProto
    decode: onnx.ModelProto
    metadata: Metadata

    @property
    def opset(self) -> int:
        """Of ONNX's own operators."""
        return self.whole.opset_import[0].version

    @property
    def raw_names(self) -> list[str]:
        """The head's raw outputs."""
        return [value.name for value in self.finish.graph.input if value.name != SIZES]

    @property
    def feature_names(self) -> list[str]:
        """The levels' features."""
        return [value.name for value in self.whole.graph.output if value.name not in self.raw_names]

    @property
    def raw(self) -> onnx.ModelProto:
        """From images to raw outputs."""
        return self._described(part(self.whole, [IMAGES], self.raw_names), RAW)

    @property
    def features(self) -> onnx.ModelProto:
        """From images to features: backbone and neck."""
        return part(self.whole, [IMAGES], self.feature_names)

    @property
    def head(self) -> onnx.ModelProto:
        """From features to raw outputs."""
        return part(self.whole, self.feature_names, self.raw_names)

    @property
    def end_to_end(self) -> onnx.ModelProto:
        """From images to detections."""
        return self.finished(self.raw)

    @property
    def decoded(self) -> onnx.ModelProto:
        """From images to every box and its scores."""
        return self._joined(self.raw, self.decode, DECODED)

    def finished(self, raw: onnx.ModelProto) -> onnx.ModelProto:
        """A raw model (this one's, or quantised) with decoding and NMS behind it."""
        return self._joined(raw, self.finish, FINISHED)

    def _joined(self, raw: onnx.ModelProto, ending: onnx.ModelProto, outputs: str) -> onnx.ModelProto:
        tail = compose.add_prefix(ending, "finish/", rename_inputs=False, rename_outputs=False)
        tail.ir_version = raw.ir_version
        del tail.opset_import[:]  # merging appends it to the other model's, which holds it already
        bare = onnx.ModelProto()
        bare.CopyFrom(raw)
        del bare.metadata_props[:]
        return self._described(compose.merge_models(bare, tail, [(name, name) for name in self.raw_names]), outputs)

    def _described(self, model: onnx.ModelProto, outputs: str) -> onnx.ModelProto:
        model.graph.name = self.metadata.head["name"]
        model.producer_name, model.producer_version = "anchorprune", self.metadata.provenance["anchorprune"]
        model.doc_string = f"{self.metadata.head['name']}: input {IMAGES}, {self.metadata.input.layout}. {outputs}"
        onnx.helper.set_model_props(model, {**self.metadata.to_properties(), "outputs": json.dumps(outputs)})
        return model


def part(model: onnx.ModelProto, inputs: list[str], outputs: list[str]) -> onnx.ModelProto:
    """The part of a model between some of its values; what does not lead to `outputs` is left out."""
    return Extractor(model).extract_model(inputs, outputs)


def with_batch(model: onnx.ModelProto, count: int) -> onnx.ModelProto:
    """The model, changed, with a fixed number of images in place of any."""
    graph = model.graph
    for value in (*graph.input, *graph.output, *graph.value_info):
        for side in value.type.tensor_type.shape.dim:
            if side.dim_param == BATCH:
                side.dim_value = count
    return model


def save(models: Mapping[str, onnx.ModelProto], folder: Path) -> None:
    """Write each model as FOLDER/NAME.onnx, checked by ONNX's own checker."""
    for name, model in models.items():
        onnx.checker.check_model(model)
        with whole_file(folder / f"{name}.onnx") as partial:
            onnx.save(model, partial)
