"""What detectors in ONNX files do alike: images go through a graph one by one, and what it gives is read."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx

from anchorprune.datasets.coco import read_image_info
from anchorprune.deploy.latency.file_times import TimedFile
from anchorprune.deploy.onnx.session import session
from anchorprune.detectors.onnx.nodes import image_inputs
from anchorprune.detectors.onnx.observed import KINDS
from anchorprune.detectors.onnx.own_nms import detected
from anchorprune.detectors.protocols import ImageCandidates
from anchorprune.heads.cost import cost
from anchorprune.heads.detections import Detections
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Postprocess
from anchorprune.progress_bar import progress_bar

_DEPLOYED = "this detector is an ONNX file already; deploy the model.onnx of its folder, sliced or not"
_NO_TABLE = "a detector in an ONNX file is not timed level by level; search it by macs or boxes"


class FileDetector(ABC):
    """A graph in ONNX Runtime, and what is known of it.

    Attributes:
        head: its levels; those that were dropped have no anchors, and no part in the graph.
        source: the file.
        classes: their names.
        postprocess: what it makes of its candidates.
        instead: of what it does not offer, what there is instead.
    """

    instead: ClassVar[Mapping[str, str]] = {"deploy": _DEPLOYED, "latency --table": _NO_TABLE}

    def __init__(
        self,
        model: onnx.ModelProto,
        outputs: Sequence[str],
        head: Head,
        source: Path,
        classes: tuple[str, ...],
        postprocess: Postprocess,
        threads: int,
    ):
        self.head, self.source, self.classes, self.postprocess = head, source, classes, postprocess
        self._threads, self._session = threads, session(source, threads)
        self._model, self._outputs = model, list(outputs)
        (image,) = image_inputs(model.graph)
        self._input, self._kind = image.name, KINDS[image.type.tensor_type.elem_type]
        self._level_of_anchor = np.array(head.level_of_anchor)

    @abstractmethod
    def fitted(self, path: Path) -> Any:
        """An image file as the graph wants it; `pixels` (1, 3, H, W) float32."""

    @abstractmethod
    def shape_in_input(self, image: Any) -> tuple[int, int]:
        """(H, W) of a fitted image in the input, without the padding."""

    @abstractmethod
    def rows(self, image: Any, outputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """A fitted image's candidates out of the graph's outputs: anchor, label, score, boxes as `ImageCandidates`."""

    @abstractmethod
    def record(self) -> dict[str, Any]:
        """What `detector.json` has of it."""

    @abstractmethod
    def slice(self, layout: Layout, output: Path) -> "FileDetector":
        """See `Detector`."""

    def candidates(self, annotations: Path, images: Path) -> Iterator[ImageCandidates]:
        for number, path in self._split(annotations, images, "predict"):
            image = self.fitted(path)
            yield ImageCandidates(number, *self.rows(image, self._run(image)))

    def detections(self, annotations: Path, images: Path) -> Iterator[tuple[int, Detections]]:
        for number, path in self._split(annotations, images, "evaluate"):
            yield number, self._detect(path)

    def on_photos(self, photos: Sequence[Path]) -> Iterator[Detections]:
        return map(self._detect, photos)

    def found(self, image: Any, outputs: Sequence[np.ndarray]) -> Detections:
        """A fitted image's detections out of the graph's outputs."""
        anchor, label, score, boxes = self.rows(image, outputs)
        kept = detected(self._level_of_anchor[anchor], label, score, boxes, self.postprocess)
        found = boxes[kept].astype(np.float64), score[kept].astype(np.float64), label[kept]
        return Detections(*found, self.shape_in_input(image))

    def timed(self, name: str) -> TimedFile:
        """Ready to be timed, by a name."""
        figures = cost(Layout.full(self.head)).to_dict()
        return TimedFile(name, figures, self._model, self._outputs, self.fitted, self._feeds, self.found)

    def _split(self, annotations: Path, images: Path, title: str) -> Iterator[tuple[int, Path]]:
        split = read_image_info(annotations).images
        with progress_bar(total=len(split), title=title, unit="image") as bar:
            for image in split:
                yield image.id, images / image.file_name
                bar.update(1)

    def _detect(self, path: Path) -> Detections:
        image = self.fitted(path)
        return self.found(image, self._run(image))

    def _run(self, image: Any) -> list[np.ndarray]:
        return self._session.run(self._outputs, self._feeds(image))

    def _feeds(self, image: Any) -> dict[str, np.ndarray]:
        return {self._input: image.pixels.astype(self._kind, copy=False)}
