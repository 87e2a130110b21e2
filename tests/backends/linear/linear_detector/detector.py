"""A linear detector: what `anchorprune.detectors.protocols.Detector` asks, answered, and its folder."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from anchorprune.datasets.coco import read_image_info
from anchorprune.detectors.folder import NAME, whole_folder
from anchorprune.detectors.protocols import ImageCandidates
from anchorprune.errors import UserError
from anchorprune.files import read_json, whole_file
from anchorprune.heads.detections import Detections
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Postprocess
from linear_detector.boxes import decode, detected, priors
from linear_detector.pixels import FEATURES, features, read_pixels

WEIGHTS = "weights.npz"


@dataclass(frozen=True)
class LinearDetector:
    """A detector, and the file its weights lie in.

    They are `pairs`, which `pixels.features` takes, and for each level i `level-i`: (anchors, FEATURES, classes + 4)
    float64, class scores before deltas.
    """

    head: Head
    classes: tuple[str, ...]
    postprocess: Postprocess
    weights: Mapping[str, np.ndarray]
    source: Path

    def candidates(self, annotations: Path, images: Path) -> Iterator[ImageCandidates]:
        for image in read_image_info(annotations).images:
            yield ImageCandidates(image.id, *self._find(images / image.file_name))

    def detections(self, annotations: Path, images: Path) -> Iterator[tuple[int, Detections]]:
        for image in read_image_info(annotations).images:
            yield image.id, self._detect(images / image.file_name)

    def on_photos(self, photos: Sequence[Path]) -> Iterator[Detections]:
        return map(self._detect, photos)

    def slice(self, layout: Layout, output: Path) -> "LinearDetector":
        levels, weights = [], dict(self.weights)
        for i, (level, kept) in enumerate(zip(self.head.levels, layout.kept_per_level, strict=True)):
            levels.append(replace(level, anchors=tuple(level.anchors[k] for k in kept)))
            weights[f"level-{i}"] = weights[f"level-{i}"][list(kept)]
        return replace(self, head=replace(self.head, levels=tuple(levels)), weights=weights).save(output)

    def save(self, folder: Path) -> "LinearDetector":
        """Write its folder, `detector.json` last; returns the detector there."""
        with whole_folder(folder, "linear", classes=self.classes, postprocess=asdict(self.postprocess)):
            self.head.save(folder / "head.json")
            with whole_file(folder / WEIGHTS) as partial:
                np.savez(partial, **self.weights)
        return replace(self, source=folder / WEIGHTS)

    def _find(self, path: Path) -> tuple[np.ndarray, ...]:
        """An image's candidates, level by level, cell by cell, anchor by anchor: anchor, label, score, boxes."""
        pixels, own = read_pixels(path, self.head.input_size)
        parts, first, classes = [], 0, len(self.classes)
        for i, level in enumerate(self.head.levels):
            inputs = features(pixels, level.stride, self.weights["pairs"])
            outputs = np.einsum("cf,afo->cao", inputs, self.weights[f"level-{i}"], optimize=True)
            # From regressed 0 and 1 to scores in whole thousandths: with ties, whose order matters.
            scores = np.round(1 / (1 + np.exp(4 - 8 * outputs[..., :classes])), 3).astype(np.float32)
            cell, anchor, label = np.nonzero(scores > np.float32(self.postprocess.score_threshold))
            boxes = decode(priors(level), outputs[..., classes:])[cell, anchor]
            parts.append((first + anchor, label, scores[cell, anchor, label], boxes))
            first += len(level.anchors)
        anchor, label, score, boxes = (np.concatenate(column) for column in zip(*parts, strict=True))
        size = np.array(self.head.input_size)
        boxes = np.clip(boxes, 0, np.tile(size, 2)) * np.tile(own / size, 2)
        return anchor.astype(np.int16), label, score, boxes.astype(np.float32)

    def _detect(self, path: Path) -> Detections:
        anchor, label, score, boxes = self._find(path)
        kept = detected(np.array(self.head.level_of_anchor)[anchor], label, score, boxes, self.postprocess)
        found = boxes[kept].astype(np.float64), score[kept].astype(np.float64), label[kept]
        return Detections(*found, self.head.input_size[::-1])


def read_folder(folder: Path) -> LinearDetector:
    """The detector of a folder; errors as `read_weights`."""
    head, record = Head.load(folder / "head.json"), read_json(folder / NAME)
    postprocess = Postprocess.from_dict(record["postprocess"], str(folder / NAME))
    weights = read_weights(folder, head)
    return LinearDetector(head, tuple(record["classes"]), postprocess, weights, folder / WEIGHTS)


def read_weights(path: Path, head: Head) -> dict[str, np.ndarray]:
    """A head's weights, from a file or a folder.

    Raises:
        UserError: the file is missing or damaged, or has other weights.
    """
    file = path / WEIGHTS if path.is_dir() else path
    shapes = [(len(level.anchors), FEATURES, head.num_classes + 4) for level in head.levels]
    try:
        with np.load(file, allow_pickle=False) as stored:
            weights = dict(stored)
        if [weights[f"level-{i}"].shape for i in range(len(shapes))] == shapes:
            return weights
    except (OSError, ValueError, EOFError, KeyError):
        pass
    raise UserError(f"{file}: not the weights of {head.name}, a linear detector; give its own")
