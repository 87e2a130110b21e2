"""Anchors by k-means over the widths and heights of boxes. NumPy only."""

import numpy as np

from anchorprune.errors import UserError


def shape_overlaps(shapes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """(M, 2) and (K, 2) widths and heights -> (M, K) IoU of the two laid on one centre."""
    both = np.minimum(shapes[:, None], anchors[None]).prod(2)
    return both / (shapes.prod(1)[:, None] + anchors.prod(1)[None] - both)


def kmeans_anchors(shapes: np.ndarray, k: int, seed: int = 0, rounds: int = 300) -> np.ndarray:
    """Anchors by k-means with the distance 1 - IoU (Redmon and Farhadi, YOLO9000, arXiv 1612.08242, section 2).

    Starts are drawn as in k-means++, with a chance proportional to the distance. The same seed gives the same anchors.

    Args:
        shapes: (M, 2) widths and heights of the boxes, input pixels.
        k: number of anchors.
        seed: of the starts.
        rounds: at most this many rounds; it stops when no box changes its anchor.

    Returns:
        (k, 2) float64 widths and heights, by growing area.

    Raises:
        UserError: fewer different shapes than anchors.
    """
    shapes = np.asarray(shapes, np.float64)
    different = len(np.unique(shapes, axis=0))
    if not 0 < k <= different:
        raise UserError(f"k-means: {k} anchors of {different} different box shapes; ask for 1 to {different}")
    anchors = _starts(shapes, k, np.random.default_rng(seed))
    nearest = None
    for _ in range(rounds):
        before, nearest = nearest, shape_overlaps(shapes, anchors).argmax(1)
        if before is not None and np.array_equal(before, nearest):
            break
        anchors = moved(anchors, nearest, shapes)
    return anchors[np.lexsort((anchors[:, 0], anchors.prod(1)))]


def moved(anchors: np.ndarray, nearest: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """(k, 2) anchors, each at the mean width and height of its boxes; one that serves no box stays where it is.

    Args:
        anchors: (k, 2) widths and heights, input pixels.
        nearest: (M,) the anchor that serves each box.
        shapes: (M, 2) widths and heights of the boxes, input pixels.
    """
    counts = np.bincount(nearest, minlength=len(anchors))
    sums = np.stack([np.bincount(nearest, shapes[:, axis], minlength=len(anchors)) for axis in (0, 1)], 1)
    return np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], anchors)


def _starts(shapes: np.ndarray, k: int, generator: np.random.Generator) -> np.ndarray:
    anchors = [shapes[generator.integers(len(shapes))]]
    distance = np.ones(len(shapes))
    for _ in range(k - 1):
        distance = np.minimum(distance, 1 - shape_overlaps(shapes, anchors[-1][None])[:, 0])
        anchors.append(shapes[generator.choice(len(shapes), p=distance / distance.sum())])
    return np.stack(anchors)
