"""Example images as data URIs, within a budget of bytes: each is on a page once, however many detectors show it."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from anchorprune.datasets.annotations import Annotations

LARGEST_THUMBNAIL = 40_000  # bytes of one, as the page holds it
_SMALLEST = 1_500
_FORMS = ((360, 72), (280, 66), (220, 60), (160, 55), (120, 50), (96, 45))  # pixels of the longer side, quality


@dataclass(frozen=True)
class Picture:
    """An image of the test split: its file's name, its size in pixels, its data URI, its ground truth."""

    name: str
    width: int
    height: int
    uri: str
    truths: list[tuple[float, float, float, float]]


def picture_of(truth: Annotations, position: int, folder: Path | None, most: int) -> Picture | None:
    """An image of a split with its thumbnail; None where it cannot be read, or there is no folder.

    Args:
        truth: the split.
        position: of the image in it.
        folder: of its images.
        most: bytes; see `thumbnail`.
    """
    image = truth.images[position]
    uri = thumbnail(folder / image.file_name, (image.width, image.height), most) if folder else None
    boxes = [tuple(box) for box in truth.boxes[truth.image_index == position].tolist()]
    return Picture(image.file_name, image.width, image.height, uri, boxes) if uri else None


def thumbnail(file: Path, size: tuple[int, int], most: int) -> str | None:
    """An image as a data URI of WebP; None where it cannot be read.

    Args:
        file: the image.
        size: (width, height) in pixels that its boxes are of: a photo may lie on its side in its file.
        most: bytes of the URI, where the smallest form has as few.
    """
    try:
        with Image.open(file) as opened:
            image = opened if opened.size == size else ImageOps.exif_transpose(opened)
            image = image.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    if image.size != size:
        return None
    for side, quality in _FORMS:
        uri = _encoded(image, side, quality)
        if len(uri) <= max(min(most, LARGEST_THUMBNAIL), _SMALLEST):
            break
    return uri


def _encoded(image: Image.Image, side: int, quality: int) -> str:
    factor = side / max(image.size)
    if factor < 1:
        image = image.resize([max(round(factor * length), 1) for length in image.size], Image.Resampling.LANCZOS)
    written = io.BytesIO()
    image.save(written, "WEBP", quality=quality, method=4)
    return f"data:image/webp;base64,{base64.b64encode(written.getvalue()).decode()}"
