"""A raw export, ready to run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.deploy.onnx.images import Prepared, prepare
from anchorprune.detectors.onnx.exports.raw_candidates import raw_candidates
from anchorprune.detectors.onnx.exports.read_export import ExportGraph, read_export
from anchorprune.detectors.onnx.exports.sliced_export import slice_export
from anchorprune.detectors.onnx.file_detector import FileDetector
from anchorprune.detectors.onnx.folder import EXPORT, write_folder
from anchorprune.detectors.onnx.model_file import MODEL, read_model
from anchorprune.detectors.onnx.sliced import slice_head
from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout


class ExportDetector(FileDetector):
    """A raw export in ONNX Runtime.

    Attributes:
        read: the graph.
    """

    def __init__(self, read: ExportGraph, source: Path, threads: int):
        said = read.said
        super().__init__(read.model, said.names, said.head, source, said.metadata.classes, said.postprocess, threads)
        self.read = read

    def fitted(self, path: Path) -> Prepared:
        return prepare(path, self.read.said.metadata.input)

    def shape_in_input(self, image: Prepared) -> tuple[int, int]:
        return image.size[::-1]

    def rows(self, image: Prepared, outputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        return raw_candidates(self.read.said, outputs, image)

    def record(self) -> dict[str, Any]:
        return EXPORT

    def slice(self, layout: Layout, output: Path) -> "ExportDetector":
        kept, head = np.zeros(self.head.num_anchors, bool), slice_head(self.head, layout)
        kept[list(layout.kept)] = True
        write_folder(output, self.record(), head, slice_export(self.read, head, kept))
        return load_export(output, self._threads)


def load_export(folder: Path, threads: int = 1) -> ExportDetector:
    """A folder's detector.

    Raises:
        UserError: a file is missing or damaged, or they do not fit each other.
    """
    head, source = Head.load(folder / "head.json"), folder / MODEL
    read = read_export(read_model(source), source)
    if read.said.head != head:
        raise UserError(f"{source}: not the model of head.json beside it; make the folder again")
    return ExportDetector(read, source, threads)
