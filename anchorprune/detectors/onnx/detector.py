"""A detector in an ONNX file, ready to run: what `anchorprune.detectors.protocols.Detector` asks, answered."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from anchorprune.datasets.coco import read_image_info
from anchorprune.deploy.onnx.session import session
from anchorprune.detectors.onnx.boxes_of import candidates, decode_raw, raw_anchor_of_row
from anchorprune.detectors.onnx.facts import Facts
from anchorprune.detectors.onnx.fitted_image import fit_image
from anchorprune.detectors.onnx.folder import read_folder, write_folder
from anchorprune.detectors.onnx.model_file import MODEL, read_model
from anchorprune.detectors.onnx.nodes import image_inputs
from anchorprune.detectors.onnx.observed import KINDS
from anchorprune.detectors.onnx.own_nms import detected
from anchorprune.detectors.onnx.read_graph import YoloGraph, read_graph
from anchorprune.detectors.onnx.sliced import slice_graph, slice_head
from anchorprune.detectors.protocols import ImageCandidates
from anchorprune.errors import UserError
from anchorprune.heads.detections import Detections
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Postprocess
from anchorprune.progress_bar import progress_bar


class OnnxFileDetector:
    """A graph in ONNX Runtime, and what is known of it.

    Attributes:
        read: the graph.
        facts: what it does not tell.
        head: its levels; those that were dropped have no anchors, and no part in the graph.
        source: the file.
    """

    def __init__(self, read: YoloGraph, facts: Facts, head: Head, source: Path, threads: int):
        self.read, self.facts, self.head, self.source = read, facts, head, source
        self._threads, self._session = threads, session(source, threads)
        (image,) = image_inputs(read.model.graph)
        self._input, self._kind = image.name, KINDS[image.type.tensor_type.elem_type]
        self._levels = [level for level in head.levels if level.anchors]
        self._anchor_of_row = (
            read.anchor_of_row if read.decoded is not None else raw_anchor_of_row(self._levels, range(head.num_anchors))
        )

    @property
    def classes(self) -> tuple[str, ...]:
        return self.facts.classes

    @property
    def postprocess(self) -> Postprocess:
        return self.facts.postprocess

    def candidates(self, annotations: Path, images: Path) -> Iterator[ImageCandidates]:
        for number, path in self._split(annotations, images, "predict"):
            yield ImageCandidates(number, *self._find(path)[0])

    def detections(self, annotations: Path, images: Path) -> Iterator[tuple[int, Detections]]:
        for number, path in self._split(annotations, images, "evaluate"):
            yield number, self._detect(path)

    def on_photos(self, photos: Sequence[Path]) -> Iterator[Detections]:
        return map(self._detect, photos)

    def slice(self, layout: Layout, output: Path) -> "OnnxFileDetector":
        kept = np.zeros(self.head.num_anchors, bool)
        kept[list(layout.kept)] = True
        stay = [name if own else None for name, own in zip(self.facts.heads, layout.kept_per_level, strict=True)]
        facts, head = replace(self.facts, heads=tuple(stay)), slice_head(self.head, layout)
        write_folder(output, facts, head, slice_graph(self.read, kept))
        return load(output, self._threads)

    def _split(self, annotations: Path, images: Path, title: str) -> Iterator[tuple[int, Path]]:
        split = read_image_info(annotations).images
        with progress_bar(total=len(split), title=title, unit="image") as bar:
            for image in split:
                yield image.id, images / image.file_name
                bar.update(1)

    def _find(self, path: Path) -> tuple[tuple[np.ndarray, ...], tuple[int, int]]:
        """An image's candidates: anchor, label, score, boxes; and (H, W) of the image in the input."""
        read, facts = self.read, self.facts
        image = fit_image(path, self.head.input_size, facts.scaling)
        names = [read.decoded] if read.decoded is not None else list(read.raw)
        found = self._session.run(names, {self._input: image.pixels.astype(self._kind)})
        if read.decoded is not None:
            rows = found[0][0].astype(np.float32)
        else:
            rows = decode_raw(found, self._levels, read.width, facts.activated)
        row, label, score, boxes = candidates(rows, facts.postprocess.score_threshold, facts.multi_label)
        anchor = self._anchor_of_row[row].astype(np.int16)
        return (anchor, label, score, image.to_original(boxes)), image.place[:1:-1]

    def _detect(self, path: Path) -> Detections:
        (anchor, label, score, boxes), shape = self._find(path)
        level = np.array(self.head.level_of_anchor)[anchor]
        kept = detected(level, label, score, boxes, self.facts.postprocess)
        return Detections(boxes[kept].astype(np.float64), score[kept].astype(np.float64), label[kept], shape)


def load(folder: Path, threads: int = 1) -> OnnxFileDetector:
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
    return OnnxFileDetector(read, facts, head, source, threads)
