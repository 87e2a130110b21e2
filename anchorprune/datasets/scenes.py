"""Generated scenes: the built-in data set. Coloured shapes of many sizes and proportions on a cluttered ground.

Every image has its own random stream, made from (seed, split, number of the image). So splits never share a scene, an
image does not depend on how many others are made, and the same seed gives the same pixels on every machine (with the
same numpy and Pillow).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image

from anchorprune.datasets.annotations import Annotations, Image
from anchorprune.datasets.drawing import background, finish, paint, shape_mask
from anchorprune.datasets.splits import SPLITS
from anchorprune.errors import UserError

CLASSES = ("ellipse", "rectangle", "triangle")

# How often each class occurs, and its proportions: (share, mean of log2(w / h)). Uneven on purpose: anchors of rare
# shapes must be worth less than others, or there would be nothing to prune. Spread around each mean: _SPREAD.
_CLASS_SHARES = (0.45, 0.30, 0.25)
_PROPORTIONS = {
    "ellipse": ((0.80, 0.0), (0.15, 1.0), (0.05, -1.0)),
    "rectangle": ((0.50, 1.0), (0.25, 0.0), (0.17, 1.7), (0.08, -1.0)),
    "triangle": ((0.60, -0.8), (0.30, 0.0), (0.10, -1.7)),
}
_SPREAD = 0.2

# Sizes are sqrt(w * h) in pixels of a 128 x 128 image, skewed towards small; they grow with the image.
_REFERENCE, _SMALLEST, _LARGEST = 128, 13.0, 78.0
_SIDES = (8, 104)
_MOST_SHAPES = 5
_MOST_OVERLAP = 0.25  # intersection over the smaller box


def make_scene(seed: int, split: str, number: int, size: int = 128) -> tuple[PIL.Image.Image, np.ndarray, np.ndarray]:
    """Make one scene.

    Args:
        seed: the data set's seed, 0 or above.
        split: `train`, `prune` or `test`.
        number: the image's number within its split, from 1.
        size: width and height, pixels.

    Returns:
        The picture (RGB); (M,) int32 positions in `CLASSES`; (M, 4) int64 boxes, x y w h, pixels, tight. At least one.
    """
    rng = np.random.default_rng([seed, SPLITS.index(split), number])
    kinds, boxes = _place(rng, size)
    canvas = background(size, rng)
    for kind, (x, y, w, h) in zip(kinds.tolist(), boxes.tolist(), strict=True):
        paint(canvas, shape_mask(CLASSES[kind], w, h, rng), x, y, rng)
    return finish(canvas, rng), kinds, boxes


def write_scenes(folder: str | Path, seed: int, split: str, count: int, size: int = 128) -> Annotations:
    """Make the `count` scenes of a split, write them into `folder` as PNG files, and return their annotations.

    Args:
        folder: made if missing.
        seed: 0 or above.
        split: `train`, `prune` or `test`; same seed and split, same scenes; other splits share none of them.
        count: number of scenes, at least 1.
        size: width and height, pixels, at least 64.

    Raises:
        UserError: a number is out of range, or the folder cannot be written.
    """
    _check(seed, split, count, size)
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        scenes = list(_write_each(Path(folder), seed, split, count, size))
    except OSError as error:
        raise UserError(f"{folder}: cannot write scenes ({error.strerror or error})") from None
    boxes = np.concatenate([boxes for _, boxes in scenes]).astype(np.float64)
    return Annotations(
        images=tuple(Image(number, _file_name(split, number), size, size) for number in range(1, count + 1)),
        category_ids=np.arange(1, len(CLASSES) + 1, dtype=np.int32),
        category_names=CLASSES,
        ids=np.arange(1, len(boxes) + 1, dtype=np.int64),
        image_index=np.repeat(np.arange(count, dtype=np.int32), [len(kinds) for kinds, _ in scenes]),
        category_index=np.concatenate([kinds for kinds, _ in scenes]),
        boxes=boxes,
        area=boxes[:, 2] * boxes[:, 3],
        iscrowd=np.zeros(len(boxes), dtype=bool),
    )


def _check(seed: int, split: str, count: int, size: int) -> None:
    if split not in SPLITS:
        raise UserError(f"split {split!r} of the scenes is not one of {', '.join(SPLITS)}")
    for name, value, least in (("seed", seed, 0), (f"number of {split} scenes", count, 1), ("size", size, 64)):
        if value < least:
            raise UserError(f"{name} is {value}; it must be at least {least}")


def _write_each(folder: Path, seed: int, split: str, count: int, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for number in range(1, count + 1):
        picture, kinds, boxes = make_scene(seed, split, number, size)
        picture.save(
            folder / _file_name(split, number), compress_level=3
        )  # noise hardly compresses: little is gained by more
        yield kinds, boxes


def _file_name(split: str, number: int) -> str:
    return f"{split}-{number:06d}.png"  # splits have the same ids and sizes; names tell their images apart


def _place(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw classes and boxes that overlap little, largest first, so that small shapes lie on top."""
    kinds: list[int] = []
    boxes: list[tuple[int, int, int, int]] = []
    for _ in range(rng.integers(1, _MOST_SHAPES + 1)):
        kind = int(rng.choice(len(CLASSES), p=_CLASS_SHARES))
        w, h = _sides(CLASSES[kind], rng, size)
        for _ in range(20):
            x, y = int(rng.integers(0, size - w + 1)), int(rng.integers(0, size - h + 1))
            if all(_overlap((x, y, w, h), other) <= _MOST_OVERLAP for other in boxes):
                kinds.append(kind)
                boxes.append((x, y, w, h))
                break
    array = np.array(boxes, dtype=np.int64).reshape(-1, 4)
    order = np.argsort(-array[:, 2] * array[:, 3], kind="stable")
    return np.array(kinds, dtype=np.int32)[order], array[order]


def _sides(name: str, rng: np.random.Generator, size: int) -> tuple[int, int]:
    """Width and height of one shape, pixels."""
    shares, means = zip(*_PROPORTIONS[name], strict=True)
    proportion = 2.0 ** (means[rng.choice(len(means), p=shares)] + _SPREAD * rng.standard_normal())
    side = _SMALLEST * (_LARGEST / _SMALLEST) ** rng.beta(1.3, 1.6)
    scale, limits = size / _REFERENCE, np.array(_SIDES) * size / _REFERENCE
    w, h = np.clip(np.array([side * proportion**0.5, side / proportion**0.5]) * scale, *limits)
    return round(float(w)), round(float(h))


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> float:
    """Intersection over the smaller box's area, 0..1; boxes are x y w h."""
    wide = max(min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]), 0)
    high = max(min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]), 0)
    return wide * high / min(a[2] * a[3], b[2] * b[3])
