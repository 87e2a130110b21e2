"""A YOLO in an ONNX file, ready to run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.detectors.onnx.boxes_of import candidates, decode_raw, raw_anchor_of_row
from anchorprune.detectors.onnx.facts import Facts
from anchorprune.detectors.onnx.file_detector import FileDetector
from anchorprune.detectors.onnx.fitted_image import FittedImage, fit_image
from anchorprune.detectors.onnx.folder import read_folder, write_folder
from anchorprune.detectors.onnx.model_file import MODEL, read_model
from anchorprune.detectors.onnx.read_graph import YoloGraph, read_graph
from anchorprune.detectors.onnx.sliced import slice_graph, slice_head
from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout


class YoloDetector(FileDetector):
    """A YOLO's graph in ONNX Runtime.

    Attributes:
        read: the graph.
        facts: what it does not tell.
    """

    def __init__(self, read: YoloGraph, facts: Facts, head: Head, source: Path, threads: int):
        outputs = read.raw if read.decoded is None else [read.decoded]
        super().__init__(read.model, outputs, head, source, facts.classes, facts.postprocess, threads)
        self.read, self.facts = read, facts
        self._levels = [level for level in head.levels if level.anchors]
        self._anchor_of_row = (
            read.anchor_of_row if read.decoded is not None else raw_anchor_of_row(self._levels, range(head.num_anchors))
        )

    def fitted(self, path: Path) -> FittedImage:
        return fit_image(path, self.head.input_size, self.facts.scaling)

    def shape_in_input(self, image: FittedImage) -> tuple[int, int]:
        return image.place[:1:-1]

    def rows(self, image: FittedImage, outputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        read, facts = self.read, self.facts
        if read.decoded is None:
            values = decode_raw(outputs, self._levels, read.width, facts.activated)
        else:
            values = outputs[0][0].astype(np.float32)
        row, label, score, boxes = candidates(values, facts.postprocess.score_threshold, facts.multi_label)
        if facts.fractions:
            boxes = boxes * np.array(read.size * 2, np.float32)
        return self._anchor_of_row[row].astype(np.int16), label, score, image.to_original(boxes)

    def record(self) -> dict[str, Any]:
        return self.facts.to_dict()

    def slice(self, layout: Layout, output: Path) -> "YoloDetector":
        kept = np.zeros(self.head.num_anchors, bool)
        kept[list(layout.kept)] = True
        stay = [name if own else None for name, own in zip(self.facts.heads, layout.kept_per_level, strict=True)]
        facts, head = replace(self.facts, heads=tuple(stay)), slice_head(self.head, layout)
        write_folder(output, facts.to_dict(), head, slice_graph(self.read, kept))
        return load(output, self._threads)


def load(folder: Path, threads: int = 1) -> YoloDetector:
    """A folder's detector.

    Raises:
        UserError: a file is missing or damaged, or they do not fit each other.
    """
    facts, head = read_folder(folder)
    source = folder / MODEL
    read = read_graph(read_model(source), source, head.num_classes, head.input_size)
    counts = tuple(len(level.anchors) for level in head.levels if level.anchors)
    if (read.heads, read.counts) != (tuple(name for name in facts.heads if name is not None), counts):
        raise UserError(f"{source}: not the model of head.json and detector.json beside it; make the folder again")
    return YoloDetector(read, facts, head, source, threads)
