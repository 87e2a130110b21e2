"""Pictures of shapes: what one generated scene looks like. Plain Pillow and numpy, the same on every machine."""

import colorsys

import numpy as np
import PIL.Image
from PIL import ImageDraw, ImageFilter

_FINE = 4  # shapes are drawn this much larger, then reduced: smooth edges


def shape_mask(kind: str, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """A shape that touches all four sides of its box.

    Args:
        kind: `ellipse`, `rectangle` or `triangle`.
        width: of the box, pixels.
        height: of the box, pixels.
        rng: draws rounded corners, and where the triangle has its tip.

    Returns:
        (height, width) float32, coverage 0..1.
    """
    right, bottom = width * _FINE - 1, height * _FINE - 1
    picture = PIL.Image.new("L", (right + 1, bottom + 1))
    pen = ImageDraw.Draw(picture)
    if kind == "ellipse":
        pen.ellipse((0, 0, right, bottom), fill=255)
    elif kind == "rectangle":
        pen.rounded_rectangle((0, 0, right, bottom), rng.uniform(0, 0.25) * min(right, bottom), fill=255)
    else:
        tip = rng.uniform(0.2, 0.8) * right
        y0, y1 = (0, bottom) if rng.random() < 0.7 else (bottom, 0)
        pen.polygon([(tip, y0), (right, y1), (0, y1)], fill=255)
    return np.asarray(picture.reduce(_FINE), dtype=np.float32) / 255


def background(size: int, rng: np.random.Generator) -> np.ndarray:
    """A soft, dull background with clutter: (size, size, 3) float32, 0..255."""
    hue, value = rng.random(), rng.uniform(0.3, 0.8)
    patches = [colour(rng, (0.05, 0.35), (value - 0.15, value + 0.15), hue, 0.12) for _ in range(25)]
    coarse = PIL.Image.fromarray(np.array(patches).reshape(5, 5, 3).astype(np.uint8))
    picture = coarse.resize((size, size), PIL.Image.Resampling.BICUBIC)
    canvas = np.array(picture, dtype=np.float32)
    for _ in range(rng.integers(1, 5)):
        _clutter(canvas, rng)
    return canvas


def paint(canvas: np.ndarray, mask: np.ndarray, x: int, y: int, rng: np.random.Generator) -> None:
    """Paint a shape with a random texture, a soft shadow and at times a dark outline, in place.

    Args:
        canvas: (H, W, 3) float32, 0..255.
        mask: (h, w) float32, coverage 0..1; the shape lies inside the canvas.
        x: left of the shape, pixels.
        y: top of the shape, pixels.
        rng: draws colours and texture.
    """
    h, w = mask.shape
    area = canvas[y : y + h, x : x + w]
    paint_colour = _contrasting(area.mean(axis=(0, 1)), rng)
    _shadow(canvas, mask, x, y)
    fill = paint_colour * (1 + (_texture(h, w, rng) - 0.5)[..., None] * rng.uniform(0.05, 0.4))
    if rng.random() < 0.5:
        inner = PIL.Image.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.MinFilter(3))
        fill *= 0.55 + 0.45 * (np.asarray(inner, dtype=np.float32)[..., None] / 255)
    area += mask[..., None] * (np.clip(fill, 0, 255) - area)


def finish(canvas: np.ndarray, rng: np.random.Generator) -> PIL.Image.Image:
    """Add the camera's noise and round to an 8-bit RGB picture."""
    noise = rng.standard_normal(canvas.shape, dtype=np.float32) * rng.uniform(2, 6)
    return PIL.Image.fromarray(np.clip(np.rint(canvas + noise), 0, 255).astype(np.uint8))


def colour(
    rng: np.random.Generator,
    saturation: tuple[float, float],
    value: tuple[float, float],
    hue: float | None = None,
    spread: float = 0.0,
) -> np.ndarray:
    """A random colour, (3,) float32, 0..255 R G B; `hue` 0..1 plus or minus `spread`, or any hue."""
    chosen = rng.random() if hue is None else (hue + rng.uniform(-spread, spread)) % 1
    rgb = colorsys.hsv_to_rgb(chosen, rng.uniform(*saturation), min(max(rng.uniform(*value), 0), 1))
    return np.array(rgb, dtype=np.float32) * 255


def _contrasting(behind: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A vivid colour that differs from the mean colour `behind` it enough to be seen."""
    for _ in range(8):
        chosen = colour(rng, (0.6, 1.0), (0.4, 1.0))
        if np.abs(chosen - behind).max() > 60:
            break
    return chosen


def _shadow(canvas: np.ndarray, mask: np.ndarray, x: int, y: int) -> None:
    """Darken the canvas softly, two pixels right of and below the shape."""
    blurred = PIL.Image.fromarray(np.pad(mask * 255, 4).astype(np.uint8)).filter(ImageFilter.GaussianBlur(2))
    shade = 1 - 0.4 * np.asarray(blurred, dtype=np.float32) / 255
    top, left = y - 2, x - 2
    cut = shade[max(-top, 0) :, max(-left, 0) :]
    area = canvas[max(top, 0) : top + shade.shape[0], max(left, 0) : left + shade.shape[1]]
    area *= cut[: area.shape[0], : area.shape[1], None]


def _texture(h: int, w: int, rng: np.random.Generator) -> np.ndarray:
    """(h, w) float32, 0..1: flat, a gradient, stripes, checks or speckles."""
    kind = rng.integers(5)
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, 12)
    row, column = np.mgrid[:h, :w].astype(np.float32)
    along = column * np.cos(angle) + row * np.sin(angle)
    if kind == 0:
        return np.full((h, w), 0.5, dtype=np.float32)
    if kind == 1:
        return (along - along.min()) / max(np.ptp(along), 1)
    if kind == 2:
        return (np.floor(along / period * 2) % 2).astype(np.float32)
    if kind == 3:
        return ((np.floor(column / period) + np.floor(row / period)) % 2).astype(np.float32)
    return rng.random((h, w), dtype=np.float32)


def _clutter(canvas: np.ndarray, rng: np.random.Generator) -> None:
    """Draw one thing that is no object: a line, a ring, a cross or a crescent."""
    size = canvas.shape[0]
    side = int(rng.uniform(0.06, 0.3) * size)
    x, y = (int(value) for value in rng.integers(0, size - side, 2))
    stroke = int(rng.integers(1, 3)) * _FINE
    picture = PIL.Image.new("L", (side * _FINE, side * _FINE))
    _stray(ImageDraw.Draw(picture), int(rng.integers(4)), side * _FINE - 1, stroke, rng)
    mask = np.asarray(picture.reduce(_FINE), dtype=np.float32)[..., None] / 255
    area = canvas[y : y + side, x : x + side]
    area += mask * rng.uniform(0.4, 0.95) * (colour(rng, (0.1, 0.9), (0.2, 1.0)) - area)


def _stray(pen: ImageDraw.ImageDraw, kind: int, end: int, stroke: int, rng: np.random.Generator) -> None:
    if kind == 0:
        a, b = rng.uniform(0, end, 2)
        pen.line((0, a, end, b), fill=255, width=stroke)
    elif kind == 1:
        pen.ellipse((0, 0, end, end), outline=255, width=stroke)
    elif kind == 2:
        middle, arm = end / 2, end / 8 + stroke / 2
        pen.rectangle((0, middle - arm, end, middle + arm), fill=255)
        pen.rectangle((middle - arm, 0, middle + arm, end), fill=255)
    else:
        start = rng.uniform(0, 360)
        pen.arc((0, 0, end, end), start, start + rng.uniform(60, 240), fill=255, width=3 * stroke)
