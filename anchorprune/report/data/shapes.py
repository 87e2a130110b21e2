"""Widths and heights of the boxes that each anchor predicts, counted from a predictions file of any length."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from anchorprune.anchors.scaling import image_scales
from anchorprune.datasets.annotations import Annotations
from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from anchorprune.heads.predictions import Candidates, Predictions
from anchorprune.progress_bar import progress_bar

PER_OCTAVE = 12  # bins for each doubling of a width or height
SMALLEST = 0  # the first bin starts at 2**SMALLEST input pixels
NARROWEST = 0.8  # bins: counts are smoothed at least by this for their outlines


@dataclass(frozen=True)
class ShapeCounts:
    """How many candidates of each anchor have which width and height.

    Attributes:
        head: the detector's.
        edges: (B + 1,) float64 edges of the bins, base-2 logarithm of input pixels, for widths and heights alike.
        counts: (A, B, B) int64, anchor, bin of the width, bin of the height; what is outside is in the outermost bin.
        min_score: candidates below this score are not counted.
    """

    head: Head
    edges: np.ndarray
    counts: np.ndarray
    min_score: float

    @property
    def middles(self) -> np.ndarray:
        """(B,) middles of the bins, base-2 logarithm of input pixels."""
        return (self.edges[:-1] + self.edges[1:]) / 2


def count_shapes(
    predictions: Predictions, truth: Annotations, keep_ratio: bool | None = None, min_score: float = 0.0
) -> ShapeCounts:
    """Count the shapes of a predictions file's boxes, a part of the file at a time.

    Every row counts, so a box that is a candidate of two classes counts twice.

    Args:
        predictions: of the full detector.
        truth: annotations of the same images: their sizes take boxes from image to input pixels.
        keep_ratio: how images were resized, as in `anchor_fit.scaled_boxes`; None: as the head says.
        min_score: count candidates with at least this score.

    Raises:
        UserError: an image of the predictions is not in the annotations, or a row is bad.
    """
    head = predictions.head
    factor = image_scales(truth, head.input_size, head.keep_ratio if keep_ratio is None else keep_ratio)[1]
    octaves = int(np.ceil(np.log2(max(head.input_size)))) + 1 - SMALLEST  # one to spare above the whole input
    bins = octaves * PER_OCTAVE
    counts = np.zeros(head.num_anchors * bins * bins, np.int64)
    with progress_bar(title="shapes", total=predictions.num_rows, unit=" boxes", unit_scale=True) as bar:
        for part in predictions.batches():
            index = _image_index(predictions, truth, part)
            chosen = part.score >= np.float32(min_score)
            size = ((part.boxes[:, 2:] - part.boxes[:, :2]) * factor[index])[chosen]
            cell = _bin(size, bins)
            counts += np.bincount(
                (part.anchor[chosen].astype(np.int64) * bins + cell[:, 0]) * bins + cell[:, 1], minlength=len(counts)
            )
            bar.update(len(index))
    edges = SMALLEST + np.arange(bins + 1) / PER_OCTAVE
    return ShapeCounts(head, edges, counts.reshape(head.num_anchors, bins, bins), min_score)


def _image_index(predictions: Predictions, truth: Annotations, part: Candidates) -> np.ndarray:
    """(n,) positions of the rows' images among the annotations' images."""
    index = np.searchsorted(truth.image_ids, part.image_id).clip(max=len(truth.image_ids) - 1)
    unknown = part.image_id[truth.image_ids[index] != part.image_id]
    if len(unknown):
        raise UserError(
            f"{predictions.path}: image {unknown[0]} is not in the annotations; give those it was predicted on"
        )
    return index


def _bin(size: np.ndarray, bins: int) -> np.ndarray:
    """(n, 2) sizes in input pixels -> (n, 2) int64 bins of their logarithms."""
    with np.errstate(divide="ignore"):  # a box without width lies in the first bin
        place = (np.log2(size) - SMALLEST) * PER_OCTAVE
    return np.floor(place).clip(0, bins - 1).astype(np.int64)


def smoothed(counts: np.ndarray) -> np.ndarray:
    """A histogram as a density to draw outlines of.

    Each axis is smoothed by a Gaussian as wide as Scott's rule has it, n**(-1/6) standard deviations of the n counts in
    two dimensions (D. W. Scott, "Multivariate density estimation", 1992), and at least NARROWEST.

    Args:
        counts: (B, B), not all zero.

    Returns:
        (B, B) float64; its sum is that of the counts.
    """
    place = np.arange(len(counts))
    kernels = []
    for axis in (1, 0):
        total = counts.sum(axis)
        mean = place @ total / total.sum()
        width = np.sqrt((place - mean) ** 2 @ total / total.sum()) * total.sum() ** (-1 / 6)
        kernel = np.exp(-0.5 * ((place[:, None] - place[None]) / max(width, NARROWEST)) ** 2)
        kernels.append(kernel / kernel.sum(0))
    # Not `@`: BLAS rounds otherwise on another number of threads, and the figure would not be the same bytes.
    return np.einsum("ij,kj->ik", np.einsum("ij,jk->ik", kernels[0], counts), kernels[1])


def level_of_share(density: np.ndarray, share: float) -> float:
    """The density above which the densest `share` of a histogram lies: its highest-density region."""
    ordered = np.sort(density, axis=None)[::-1]
    return float(ordered[np.searchsorted(np.cumsum(ordered), share * ordered.sum())])


def summary(shapes: ShapeCounts) -> list[dict[str, Any]]:
    """For each anchor its level, its width and height, its boxes, and their median width and height (None: no box).

    Medians are the middles of their bins, input pixels.
    """
    anchors = [anchor for level in shapes.head.levels for anchor in level.anchors]
    rows = []
    for (width, height), level, counts in zip(anchors, shapes.head.level_of_anchor, shapes.counts, strict=True):
        medians = [_median(shapes, counts.sum(axis)) for axis in (1, 0)]
        names = ("level", "width", "height", "boxes", "median_width", "median_height")
        rows.append(dict(zip(names, (level, width, height, int(counts.sum()), *medians), strict=True)))
    return rows


def _median(shapes: ShapeCounts, counts: np.ndarray) -> float | None:
    if not counts.any():
        return None
    return float(2 ** shapes.middles[np.searchsorted(np.cumsum(counts), counts.sum() / 2)])
