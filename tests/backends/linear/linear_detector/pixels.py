"""What the pixels around a cell look like, as numbers."""

from pathlib import Path

import numpy as np
import PIL.Image
from numpy.lib.stride_tricks import sliding_window_view

from anchorprune.errors import UserError

FEATURES = 192  # of a cell: products of two blocks, or of a block and 1
WINDOW = 8  # blocks of half a stride; the middle two are the cell


def read_pixels(path: Path, size: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """An image stretched to (W, H), as (H, W, 3) float32 in 0..1; and its own (W, H)."""
    try:
        with PIL.Image.open(path) as picture:
            return np.asarray(picture.convert("RGB").resize(size), np.float32) / 255, picture.size
    except OSError as error:
        raise UserError(f"{path}: not a readable image ({type(error).__name__}); restore it") from None


def features(pixels: np.ndarray, stride: int, pairs: np.ndarray) -> np.ndarray:
    """(cells, FEATURES) float64: how far blocks around a cell have its own colour, by (2, FEATURES) `pairs` of them."""
    block, edge, (height, width, _) = stride // 2, WINDOW // 2 - 1, pixels.shape
    pooled = pixels.reshape(height // block, block, width // block, block, 3).mean((1, 3), np.float64)
    padded = np.pad(pooled, ((edge, edge), (edge, edge), (0, 0)), mode="edge")
    windows = sliding_window_view(padded, (WINDOW, WINDOW), (0, 1))[::2, ::2].reshape(-1, 3, WINDOW, WINDOW)
    own = windows[:, :, edge:-edge, edge:-edge].mean((2, 3), keepdims=True)
    alike = np.exp(-16 * ((windows - own) ** 2).sum(1)).reshape(len(windows), -1)
    with_one = np.pad(alike, ((0, 0), (0, 1)), constant_values=1)
    return with_one[:, pairs[0]] * with_one[:, pairs[1]]
