"""A simulated SSD300 on COCO-like images: seeded, at real scale.

Images hold objects that are annotated and phantoms that are not; a detector puts a cloud of candidates round each,
from a few cells of its grid and the anchors near its size, in its own category and in two it is confused with.
As in a real detector the anchors of a cell see the same thing: they share most of their error and of their score, so
that neighbours nearly cover each other; and some anchors regress worse than their scores admit, so that AP can rise
when one is removed. Where the sizes of the real val2017's boxes are at hand they are used; boxes of images that are
missing there are drawn with about the same statistics.
"""

import gzip
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from anchorprune.datasets.annotations import Annotations, Image
from anchorprune.heads.head import Head, Level
from anchorprune.heads.predictions import Postprocess, PredictionsWriter

REAL_BOXES = Path(__file__).parents[1] / "../shared/data/coco_val2017_boxes.json.gz"
CATEGORIES = 80
PHANTOMS = 13  # an image, on average
CLOUD = 41  # candidates round an object, on average, of which those above the score threshold are kept
CELLS = 6  # cells that see an object
# SSD300's post-processing in mmdet's own configuration.
POSTPROCESS = Postprocess(0.02, 0.45, 1000, 200, 0, False)
# (stride, cells a side, input channels, scales, ratios): Bonnaerens et al., CVIU 2022; 300 px base.
_LEVELS = (
    (8, 38, 512, (0.07, 0.1024), (1, 2, 1 / 2)),
    (16, 19, 1024, (0.15, 0.224), (1, 2, 3, 1 / 2, 1 / 3)),
    (32, 10, 512, (0.33, 0.4102), (1, 2, 3, 1 / 2, 1 / 3)),
    (64, 5, 256, (0.51, 0.5932), (1, 2, 3, 1 / 2, 1 / 3)),
    (100, 3, 256, (0.69, 0.7747), (1, 2, 1 / 2)),
    (300, 1, 256, (0.87, 0.9557), (1, 2, 1 / 2)),
)
_ANCHOR_ERROR = np.array((0.03, 0.03, 0.04))  # how far anchors' boxes scatter, in box sizes; every third more


def ssd300() -> Head:
    """SSD300's head: 30 anchors, 8732 boxes."""
    levels = []
    for stride, cells, channels, (scale, last), ratios in _LEVELS:
        sizes = [(300 * scale / math.sqrt(r), 300 * scale * math.sqrt(r)) for r in ratios] + [(300 * last, 300 * last)]
        macs = cells * cells * 9 * channels * (CATEGORIES + 1 + 4)
        levels.append(Level(stride, (cells, cells), 0, macs, tuple(sizes)))
    return Head("ssd300-simulated", (300, 300), CATEGORIES, tuple(levels))


def annotations(images: int, seed: int = 0, real: bool = True) -> Annotations:
    """Ground truth of `images` images: the real val2017's, as far as it goes, or drawn."""
    if real and REAL_BOXES.exists() and images == 5000:
        return _fill_up(_real_annotations(), images, seed)
    rng = np.random.default_rng([seed, 1])
    counts = np.minimum(rng.geometric(1 / 8.4, images) - 1, 80)
    image = np.repeat(np.arange(images, dtype=np.int32), counts)
    boxes = _random_boxes(rng, len(image))
    category = np.minimum((CATEGORIES * rng.random(len(image)) ** 3).astype(np.int32), CATEGORIES - 1)
    known = tuple(Image(i + 1, f"{i + 1:012}.jpg", 640, 480) for i in range(images))
    return _assemble(known, image, category, boxes, rng.random(len(image)) < 0.01)


def write_predictions(
    path: Path,
    truth: Annotations,
    seed: int = 0,
    head: Head | None = None,
    postprocess: Postprocess = POSTPROCESS,
    cloud: float = CLOUD,
) -> None:
    """Simulate a detector, SSD300 if no other is given, and write its predictions file, image by image."""
    head = head or ssd300()
    with PredictionsWriter(path, head, postprocess, {"made_by": "bench.simulate", "seed": seed}) as writer:
        for image, category, anchor, score, boxes in detected(truth, seed, head, postprocess, cloud):
            writer.add(image.id, truth.category_ids[category], anchor, score, boxes)


def detected(
    truth: Annotations,
    seed: int = 0,
    head: Head | None = None,
    postprocess: Postprocess = POSTPROCESS,
    cloud: float = CLOUD,
) -> Iterator[tuple[Image, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Each image with its candidates' categories (positions), anchors, scores and boxes (corners)."""
    head, first = head or ssd300(), np.searchsorted(truth.image_index, np.arange(len(truth.images) + 1))
    for index, image in enumerate(truth.images):
        rng = np.random.default_rng([seed, 2, index])
        mine = slice(first[index], first[index + 1])
        yield image, *_detect(rng, head, postprocess, cloud, truth.boxes[mine], truth.category_index[mine], image)


def _detect(
    rng: np.random.Generator,
    head: Head,
    postprocess: Postprocess,
    cloud: float,
    boxes: np.ndarray,
    category: np.ndarray,
    image: Image,
) -> tuple:
    phantoms = int(rng.poisson(PHANTOMS))
    box = np.concatenate([boxes, _random_boxes(rng, phantoms, image.width, image.height)])
    label = np.concatenate([category, rng.integers(0, CATEGORIES, phantoms)])
    quality = np.concatenate([rng.beta(2, 2, len(boxes)), rng.beta(1, 9, phantoms)])
    seen_by = rng.normal(0, 0.1, (len(box) * CELLS, 4)), rng.random(len(box) * CELLS)
    count = rng.poisson(cloud, len(box))
    cell = np.repeat(np.arange(len(box)) * CELLS, count) + rng.integers(0, CELLS, count.sum())
    box, label, quality = (np.repeat(values, count, axis=0) for values in (box, label, quality))
    scale = np.array(head.input_size) / [image.width, image.height]
    anchor, fit = _choose_anchors(rng, head, box[:, 2:] * scale)
    common, seen = seen_by[0][cell], seen_by[1][cell]
    own = rng.normal(0, 1, (len(box), 4)) * (_ANCHOR_ERROR[anchor % 3] + 0.3 * (1 - fit))[:, None]
    shift = common + own
    centre = box[:, :2] + box[:, 2:] / 2 + shift[:, :2] * box[:, 2:]
    size = box[:, 2:] * np.exp(shift[:, 2:])
    near = np.exp(-6 * (common**2).sum(1))  # the score knows little of the anchor's own error
    confused = rng.random(len(box)) < 0.25
    label = np.where(confused, (label + rng.integers(1, 3, len(box)) ** 2) % CATEGORIES, label)
    score = quality * near * fit * seen * (0.6 + 0.4 * rng.random(len(box))) * np.where(confused, 0.3, 1)
    score = 0.02 + 0.97 * score
    corners = np.concatenate([centre - size / 2, centre + size / 2], 1)
    corners = corners.clip(0, [image.width, image.height] * 2)
    keep = score > np.float32(postprocess.score_threshold + 0.0001)
    return label[keep], anchor[keep], score[keep].astype(np.float32), corners[keep].astype(np.float32)


def _choose_anchors(rng: np.random.Generator, head: Head, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shapes = np.log([anchor for level in head.levels for anchor in level.anchors])
    distance = ((np.log(np.maximum(size, 1))[:, None] - shapes) ** 2).sum(2)
    logits = -distance / 0.5 + rng.gumbel(0, 1, distance.shape)
    anchor = logits.argmax(1)
    return anchor.astype(np.int16), np.exp(-0.5 * distance[np.arange(len(anchor)), anchor])


def _random_boxes(rng: np.random.Generator, count: int, width: float = 640, height: float = 480) -> np.ndarray:
    side = np.exp(rng.normal(4.2, 0.95, count)).clip(6, 460)
    ratio = np.exp(rng.normal(0, 0.4, count))
    size = np.stack([(side * ratio).clip(4, width), (side / ratio).clip(4, height)], 1)
    return np.concatenate([rng.random((count, 2)) * (np.array([width, height]) - size), size], 1)


def _assemble(images: tuple, image: np.ndarray, category: np.ndarray, boxes: np.ndarray, crowd: np.ndarray):
    return Annotations(
        images=images,
        category_ids=np.arange(1, CATEGORIES + 1, dtype=np.int32),
        category_names=tuple(str(i + 1) for i in range(CATEGORIES)),
        ids=np.arange(1, len(image) + 1),
        image_index=image.astype(np.int32),
        category_index=category.astype(np.int32),
        boxes=boxes,
        area=boxes[:, 2] * boxes[:, 3] * 0.7,
        iscrowd=crowd,
    )


def _fill_up(real: Annotations, images: int, seed: int) -> Annotations:
    more = annotations(images - len(real.images), seed, real=False)
    last = real.images[-1].id
    known = (*real.images, *(Image(last + i.id, i.file_name, i.width, i.height) for i in more.images))
    image = np.concatenate([real.image_index, more.image_index + len(real.images)])
    category = np.concatenate([real.category_index, more.category_index])
    parts = [(one.boxes, one.iscrowd) for one in (real, more)]
    boxes, crowd = (np.concatenate(part) for part in zip(*parts, strict=True))
    return _assemble(known, image, category, boxes, crowd)


def _real_annotations() -> Annotations:
    data = json.loads(gzip.decompress(REAL_BOXES.read_bytes()))
    images = sorted(data["images"], key=lambda image: image["id"])
    known = tuple(Image(i["id"], i["file_name"], i["width"], i["height"]) for i in images)
    place = {image.id: i for i, image in enumerate(known)}
    category = {c: i for i, c in enumerate(sorted(c["id"] for c in data["categories"]))}
    rows = sorted(data["annotations"], key=lambda a: (place[a["image_id"]], a["id"]))
    image = np.array([place[a["image_id"]] for a in rows])
    label = np.array([category[a["category_id"]] for a in rows])
    crowd = np.array([bool(a.get("iscrowd")) for a in rows])
    return _assemble(known, image, label, np.array([a["bbox"] for a in rows], np.float64), crowd)
