"""From an image file to a model's input, and back to the image's own pixels."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from anchorprune.datasets.image_check import decoded_size
from anchorprune.deploy.onnx.metadata import InputForm
from anchorprune.errors import UserError


@dataclass(frozen=True)
class Prepared:
    """An image as a model wants it.

    Attributes:
        pixels: (1, 3, H, W) float32, RGB, 0..255.
        scale: (x, y) input pixels per pixel of the image.
        size: (W, H) of the image's part of the input; the rest is padding.
        cut: boxes of padding are to be cut at the image's edge; else the model does what its detector does.
    """

    pixels: np.ndarray
    scale: tuple[float, float]
    size: tuple[int, int]
    cut: bool = True

    def to_original(self, boxes: np.ndarray) -> np.ndarray:
        """(n, 4) boxes x1 y1 x2 y2 in input pixels -> in pixels of the image."""
        padded = self.size != self.pixels.shape[:1:-1]
        inside = np.minimum(boxes, np.tile(self.size, 2)) if self.cut and padded else boxes
        return inside / np.tile(self.scale, 2)


def prepare(path: Path, form: InputForm) -> Prepared:
    """Read an image and bring it into a model's input form, with OpenCV, as its detector's framework does.

    Raises:
        UserError: the image is missing or damaged.
    """
    decoded_size(path)  # OpenCV fills what a cut file lacks with grey, and says nothing
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise UserError(f"{path}: cannot be decoded as an image; restore it or take it out of its split")
    height, width = image.shape[:2]
    size = _target(width, height, form)
    image = image if form.rounded else image.astype(np.float32)
    resized = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    pixels = np.empty((1, 3, *_padded(size, form)[::-1]), np.float32)
    pixels[0] = np.array(form.padding, np.float32)[:, None, None]
    pixels[0, :, : size[1], : size[0]] = resized[:, :, ::-1].transpose(2, 0, 1)
    return Prepared(pixels, (size[0] / width, size[1] / height), size, form.divisor is None)


def _target(width: int, height: int, form: InputForm) -> tuple[int, int]:
    """(W, H) to scale to; with a kept ratio the largest that fits, rounded as mmcv's `imrescale` does."""
    widest, tallest = form.scale or (form.width, form.height)
    if not form.keep_ratio:
        return widest, tallest
    if form.divisor is not None and (width > height) != (widest > tallest):
        widest, tallest = tallest, widest
    scale = min(widest / width, tallest / height)
    return int(width * scale + 0.5), int(height * scale + 0.5)


def _padded(size: tuple[int, int], form: InputForm) -> tuple[int, int]:
    """(W, H) of the input of an image scaled to `size`."""
    if form.divisor is None:
        return form.width, form.height
    width, height = (-(-side // form.divisor) * form.divisor for side in size)
    return width, height
