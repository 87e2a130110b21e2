"""A torchvision detector ready to run: what `anchorprune.detectors.protocols.Detector` asks, answered."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from anchorprune.datasets.coco import read_image_info
from anchorprune.detectors.protocols import ImageCandidates
from anchorprune.detectors.torchvision.facts import Facts
from anchorprune.detectors.torchvision.families.family import sliced_head
from anchorprune.detectors.torchvision.families.registry import family_of
from anchorprune.detectors.torchvision.folder import read_folder, write_folder
from anchorprune.detectors.torchvision.inference import candidates, detect, read_image
from anchorprune.detectors.torchvision.weights import WEIGHTS, load_state, read_state
from anchorprune.heads.detections import Detections
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Postprocess
from anchorprune.progress_bar import progress_bar

if TYPE_CHECKING:
    from anchorprune.deploy.onnx.coding import Coding
    from anchorprune.deploy.onnx.levels import LevelOutputs
    from anchorprune.deploy.onnx.models import Models


@dataclass(frozen=True)
class TorchvisionDetector:
    """A network in evaluation mode, on its device, and what is known of it."""

    facts: Facts
    head: Head
    model: nn.Module
    source: Path

    @property
    def classes(self) -> tuple[str, ...]:
        return self.facts.classes

    @property
    def postprocess(self) -> Postprocess:
        return self.facts.postprocess

    def candidates(self, annotations: Path, images: Path) -> Iterator[ImageCandidates]:
        counts, family = [len(level.anchors) for level in self.head.levels], family_of(self.facts.architecture)
        for number, image in self._images(annotations, images, "predict"):
            yield ImageCandidates(number, *candidates(self.model, family, counts, self.facts.labels, image))

    def detections(self, annotations: Path, images: Path) -> Iterator[tuple[int, Detections]]:
        for number, image in self._images(annotations, images, "evaluate"):
            yield number, detect(self.model, self.facts.labels, image)

    def on_photos(self, photos: Sequence[Path]) -> Iterator[Detections]:
        for photo in photos:
            yield detect(self.model, self.facts.labels, self._on_device(photo))

    def slice(self, layout: Layout, output: Path) -> "TorchvisionDetector":
        family = family_of(self.facts.architecture)
        state = family.slice(self.model.state_dict(), self.facts, self.head, layout)
        facts = family.sliced_facts(self.facts, self.head, layout)
        write_folder(output, facts, sliced_head(self.head, layout), state)
        return load(output, str(next(self.model.parameters()).device))

    def export(self, opset: int, provenance: Mapping[str, Any], any_size: bool = False) -> "Models":
        """Images have one size, also where `any_size` would have it otherwise."""
        from anchorprune.detectors.torchvision.export import export

        return export(self.model, self.facts, self.head, opset, provenance)

    def decoding(self) -> "tuple[list[LevelOutputs], Coding]":
        from anchorprune.detectors.torchvision.export import decoding

        return decoding(self.model, self.facts, self.head)

    def native_call(self) -> Callable[[np.ndarray], object]:
        from anchorprune.detectors.torchvision.export import native_call

        return native_call(self.model, self.facts)

    def _images(self, annotations: Path, images: Path, title: str) -> Iterator[tuple[int, Tensor]]:
        split = read_image_info(annotations).images
        with progress_bar(total=len(split), title=title, unit="image") as bar:
            for image in split:
                yield image.id, self._on_device(images / image.file_name)
                bar.update(1)

    def _on_device(self, path: Path) -> Tensor:
        return read_image(path).to(next(self.model.parameters()).device)


def load(folder: Path, device: str = "cpu") -> TorchvisionDetector:
    """Build a folder's detector with its weights, on a device.

    Raises:
        UserError: a file is missing or damaged, or they do not fit each other.
    """
    facts, head = read_folder(folder)
    model = family_of(facts.architecture).build(facts, head, random=False)
    load_state(model, read_state(folder), folder / WEIGHTS)
    return TorchvisionDetector(facts, head, model.eval().to(device), folder / WEIGHTS)
