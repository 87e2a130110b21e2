"""From an image file to a graph's input, and boxes back to the image's own pixels."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from anchorprune.datasets.image_check import decoded_size
from anchorprune.detectors.onnx.facts import InputScaling
from anchorprune.errors import UserError


@dataclass(frozen=True)
class FittedImage:
    """An image as a graph wants it.

    Attributes:
        pixels: (1, 3, H, W) float32.
        place: (left, top, width, height) of the image in the input, input pixels; the rest is padding.
        own: (W, H) of the file.
    """

    pixels: np.ndarray
    place: tuple[int, int, int, int]
    own: tuple[int, int]

    def to_original(self, boxes: np.ndarray) -> np.ndarray:
        """(n, 4) x1 y1 x2 y2 in input pixels -> float32 in pixels of the file, cut at its edges."""
        left, top, width, height = self.place
        scale = np.array([self.own[0] / width, self.own[1] / height] * 2, np.float32)
        moved = (boxes - np.array([left, top] * 2, np.float32)) * scale
        return np.clip(moved, 0, np.array(self.own * 2, np.float32)).astype(np.float32)


def fit_image(path: Path, size: tuple[int, int], scaling: InputScaling) -> FittedImage:
    """Read an image and bring it to (W, H), bilinearly, as OpenCV does.

    Raises:
        UserError: it is missing or damaged.
    """
    decoded_size(path)  # OpenCV fills what a cut file lacks with grey, and says nothing
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise UserError(f"{path}: cannot be decoded as an image; restore it or take it out of its split")
    own, inner = (image.shape[1], image.shape[0]), size
    if scaling.fit == "letterbox":
        factor = min(size[0] / own[0], size[1] / own[1])
        inner = tuple(max(1, min(whole, round(side * factor))) for side, whole in zip(own, size, strict=True))
    left, top = ((whole - side) // 2 for whole, side in zip(size, inner, strict=True))
    canvas = np.full((size[1], size[0], 3), scaling.pad, np.float32)
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner, interpolation=cv2.INTER_LINEAR)
    ordered = canvas[:, :, ::-1] if scaling.channels == "rgb" else canvas
    pixels = np.ascontiguousarray(ordered.transpose(2, 0, 1)[None] / np.float32(scaling.divide), np.float32)
    return FittedImage(pixels, (left, top, *inner), own)
