"""Training: ridge regression of each anchor's outputs, in closed form."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

import numpy as np

from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.unusable import coco_trainable
from anchorprune.detectors.training import Training
from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from linear_detector.boxes import decode, encode, overlaps, priors
from linear_detector.pixels import FEATURES, WINDOW, features, read_pixels

RIDGE, LEAST_IOU = 5, 0.4


def fit(head: Head, training: Training, initial: Mapping[str, np.ndarray] | None = None) -> dict[str, np.ndarray]:
    """The weights (see `LinearDetector`) that fit a split best; they shrink towards `initial`, or towards 0."""
    recipe = replace(training.recipe, anchor_dropout=None)  # each anchor is solved by itself: there is nothing to drop
    if any(value is not None for value in asdict(recipe).values()):
        raise UserError("a linear detector is solved, not trained in steps; leave out the recipe's options")
    drawn = np.random.default_rng(training.seed).integers(0, WINDOW**2 + 1, (2, FEATURES))
    weights = {"pairs": drawn if initial is None else initial["pairs"]}
    examples = list(_examples(head, training))
    for i, level in enumerate(head.levels):
        shape = len(level.anchors), FEATURES, head.num_classes + 4
        start = np.zeros(shape) if initial is None else initial[f"level-{i}"]
        inputs = np.concatenate([features(pixels, level.stride, weights["pairs"]) for pixels, *_ in examples])
        wanted = np.concatenate([_wanted(priors(level), *objects) for _, *objects in examples])
        solved = [_solve(inputs, wanted[:, anchor], start[anchor]) for anchor in range(len(start))]
        weights[f"level-{i}"] = np.reshape(solved, shape)
    return weights


def _examples(head: Head, training: Training) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Each image's pixels, labels, and boxes in input pixels."""
    truth = coco_trainable(read_coco(training.annotations))
    for index, image in enumerate(truth.images):
        pixels, size = read_pixels(training.images / image.file_name, head.input_size)
        here = (truth.image_index == index) & ~truth.iscrowd
        corner, extent = np.split(truth.boxes[here], 2, 1)
        scale = np.tile(np.divide(head.input_size, size), 2)
        yield pixels, truth.category_index[here], np.concatenate([corner, corner + extent], 1) * scale


def _wanted(anchors: np.ndarray, labels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(cells, anchors, 5): the label of the object that an anchor is to find, or -1, and the deltas to its box."""
    flat = anchors.reshape(-1, 4)
    result = np.full((len(flat), 5), -1.0)
    if len(boxes):
        overlap = overlaps(decode(flat, np.zeros_like(flat)), boxes)
        best, found = overlap.argmax(1), overlap.max(1) >= LEAST_IOU
        result[found] = np.concatenate([labels[best, None], encode(flat, boxes[best])], 1)[found]
    return result.reshape(*anchors.shape[:2], 5)


def _solve(inputs: np.ndarray, wanted: np.ndarray, start: np.ndarray) -> np.ndarray:
    """One anchor's weights: scores are learnt at every cell, deltas where there is an object to find."""
    classes, found = start.shape[1] - 4, wanted[:, 0] >= 0
    scores, deltas = wanted[:, :1] == np.arange(classes), wanted[found, 1:]
    parts = (inputs, scores, start[:, :classes]), (inputs[found], deltas, start[:, classes:])
    squares = ((x.T @ x + RIDGE * np.eye(FEATURES), x.T @ y + RIDGE * w) for x, y, w in parts)
    return np.concatenate([np.linalg.solve(*sides) for sides in squares], 1)
