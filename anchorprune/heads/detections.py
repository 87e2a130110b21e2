"""What a detector finds on an image, after NMS, and on all images of a split."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.errors import UserError
from anchorprune.files import read_json, whole_file


@dataclass(frozen=True)
class Detections:
    """The detections of one image, as its detector orders them (by falling score).

    Attributes:
        boxes: (n, 4) float64, x1 y1 x2 y2, pixels of the original image.
        scores: (n,) float64 in 0..1.
        labels: (n,) int64, the detector's: positions in its `classes`.
        input_shape: (H, W) of the image as the network sees it, pixels, without padding.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    input_shape: tuple[int, int]

    def above(self, score: float) -> "Detections":
        """The detections that score at least this."""
        keep = self.scores >= score
        return Detections(self.boxes[keep], self.scores[keep], self.labels[keep], self.input_shape)


@dataclass(frozen=True)
class SplitDetections:
    """The detections of a split's images as columns: 52 bytes each, where COCO's form takes a thousand.

    Attributes:
        image_ids: (N,) int64, image by image.
        category_ids: (N,) int32, the data set's.
        boxes: (N, 4) float64, x y w h, pixels of the original image.
        scores: (N,) float64; of equal scores of an image, the first ranks higher.
    """

    image_ids: np.ndarray
    category_ids: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def joined(cls, found: Iterable[tuple[int, Detections]], category_ids: np.ndarray) -> "SplitDetections":
        """The detections of images, each with its id; `category_ids`: those of the labels."""
        parts = [
            (np.full(len(one.scores), image_id), category_ids[one.labels], one.boxes, one.scores)
            for image_id, one in found
        ]
        images, categories, corners, scores = zip(*parts, strict=True) if parts else ((), (), (), ())
        boxes = np.concatenate([np.zeros((0, 4)), *corners])
        boxes[:, 2:] -= boxes[:, :2]
        return cls(_column(images, np.int64), _column(categories, np.int32), boxes, _column(scores, np.float64))

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any]]) -> "SplitDetections":
        """From COCO's results form."""
        image_ids, category_ids = ([row[key] for row in rows] for key in ("image_id", "category_id"))
        return cls(
            np.array(image_ids, np.int64),
            np.array(category_ids, np.int32),
            np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4),
            np.array([row["score"] for row in rows], np.float64),
        )

    @classmethod
    def load(cls, path: str | Path) -> "SplitDetections":
        """Read COCO's results form; what `save` wrote is read line by line, in little memory.

        Raises:
            UserError: the file is missing, damaged or no list of detections.
        """
        try:
            with Path(path).open() as stream:
                if next(stream, "") != "[\n":
                    return cls.from_rows(read_json(path, "list of detections"))
                rows = (json.loads(line.rstrip(",\n")) for line in stream if line != "]\n")
                return cls.of_parts([cls.from_rows(part) for part in iter(lambda: list(islice(rows, _AT_ONCE)), [])])
        except FileNotFoundError:
            raise UserError(f"{path}: no such list of detections; check the path") from None
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: not a list of detections in COCO's form ({error}); evaluate again") from None

    @classmethod
    def of_parts(cls, parts: Sequence["SplitDetections"]) -> "SplitDetections":
        """The detections of several, one after the other."""
        empty = cls.from_rows([])
        return cls(*(np.concatenate([getattr(p, f.name) for p in (empty, *parts)]) for f in fields(cls)))

    def chosen(self, rows: np.ndarray | slice) -> "SplitDetections":
        """Some of the detections, by position or by a mask."""
        return SplitDetections(self.image_ids[rows], self.category_ids[rows], self.boxes[rows], self.scores[rows])

    def rows(self) -> Iterator[dict[str, Any]]:
        """COCO's results form, record by record."""
        for first in range(0, len(self), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            columns = self.image_ids[part], self.category_ids[part], self.boxes[part], self.scores[part]
            for image, category, box, score in zip(*(column.tolist() for column in columns), strict=True):
                yield {"image_id": image, "category_id": category, "bbox": box, "score": score}

    def json_lines(self) -> Iterator[str]:
        """COCO's results form as the lines of a JSON list, one for each detection."""
        yield "["
        for number, row in enumerate(self.rows(), start=1):
            yield json.dumps(row, allow_nan=False) + "," * (number < len(self))
        yield "]"

    def save(self, path: str | Path) -> None:
        """Write COCO's results form, whole or not at all."""
        with whole_file(path) as partial, partial.open("w") as stream:
            stream.writelines(f"{line}\n" for line in self.json_lines())


_AT_ONCE = 1 << 12  # rows that are Python's objects at a time


def _column(parts: Sequence[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate([np.zeros(0, kind), *parts]).astype(kind, copy=False)
