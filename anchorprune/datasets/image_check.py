"""Image files: there, whole, and of the size their annotation file states."""

import os
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import PIL.Image

from anchorprune.datasets.annotations import Annotations, Image
from anchorprune.errors import UserError
from anchorprune.progress_bar import progress_bar

# EXIF orientations that swap width and height; readers of photos (OpenCV, browsers) apply them. EXIF 2.3, tag 0x0112.
_ORIENTATION, _SIDEWAYS = 0x0112, (5, 6, 7, 8)

# Formats of photos only: a stranger's file that calls itself .jpg must not be run as PostScript, say.
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "PPM")
PIL.Image.init()  # load the readers now: not all are there at first, and threads must not race for them


def check_images(annotations: Annotations, folder: str | Path, threads: int | None = None) -> None:
    """Decode every image file to its end.

    Shows a progress bar where standard error is a terminal.

    Args:
        annotations: the images to look for.
        folder: where they are.
        threads: decoding threads; default: one per CPU.

    Raises:
        UserError: the folder or an image is missing, an image is damaged or cut off, or has another size than stated.
            Names the first such image, in the order of image ids.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such image folder; check the path")
    pool = ThreadPoolExecutor(threads or os.cpu_count() or 1)
    try:
        results = pool.map(lambda image: check_image(image, folder), annotations.images)
        bar = progress_bar(results, "checking images", len(annotations.images), unit="image", leave=False)
        for _ in bar:
            pass
    finally:
        pool.shutdown(cancel_futures=True)


def check_image(image: Image, folder: Path) -> None:
    """Decode one image file to its end and compare its size; raises as `check_images` does."""
    path = folder / image.file_name
    width, height = decoded_size(path)
    if (width, height) != (image.width, image.height):
        raise UserError(
            f"{path}: image is {width}x{height} pixels (EXIF rotation applied), but its annotation file says "
            f"{image.width}x{image.height}; correct one of them"
        )


def decoded_size(path: Path) -> tuple[int, int]:
    """Width and height as readers of photos see an image file, pixels, after decoding all of it.

    Raises:
        UserError: it is missing, damaged or cut off.
    """
    try:
        return _decoded_size(path)
    except FileNotFoundError:
        raise UserError(f"{path}: image is missing; put it there or remove it from the annotation file") from None
    except (OSError, SyntaxError, ValueError, EOFError, PIL.Image.DecompressionBombError) as error:
        raise UserError(f"{path}: image is damaged or cut off ({error}); restore it") from None


def _decoded_size(path: Path) -> tuple[int, int]:
    with PIL.Image.open(path, formats=_FORMATS) as picture:
        width, height = picture.size
        # JPEG only: decode at an eighth of the size, grey. Still reads every byte, so a cut is found, in a third of
        # the time; other formats ignore it.
        picture.draft("L", (max(width // 8, 1), max(height // 8, 1)))
        picture.load()
        return (height, width) if _is_sideways(picture) else (width, height)


def _is_sideways(picture: PIL.Image.Image) -> bool:
    try:
        return picture.getexif().get(_ORIENTATION) in _SIDEWAYS
    except (SyntaxError, ValueError, KeyError, struct.error):
        return False  # damaged EXIF: readers of photos show the image as it is stored
