"""Small random data sets full of what goes wrong: ties, crowds, degenerate boxes, empty images and categories."""

import numpy as np
from hypothesis import strategies as st

from anchorprune.datasets.annotations import Annotations, Image
from anchorprune.heads.head import Head, Level
from anchorprune.heads.predictions import Candidates, Postprocess, Predictions, PredictionsWriter
from anchorprune.heads.predictions.format import NMS_PRE_PER

HEAD = Head(
    "toy",
    (64, 64),
    3,
    (
        Level(8, (8, 8), 5, 100, ((8.0, 8.0), (8.0, 16.0))),
        Level(16, (4, 4), 5, 50, ((16.0, 16.0), (16.0, 32.0), (32.0, 16.0))),
    ),
)
CATEGORIES = np.array([1, 4, 9], np.int32)

postprocesses = st.builds(
    Postprocess,
    score_threshold=st.sampled_from([0.0, 0.05, 0.3]),
    nms_iou=st.sampled_from([0.3, 0.45, 0.5, 0.7]),
    nms_pre=st.sampled_from([None, 3, 10, 1000]),
    max_per_image=st.sampled_from([-1, 2, 7, 200]),
    min_size=st.sampled_from([-1, 0, 2]),
    class_agnostic=st.booleans(),
    nms_pre_per=st.sampled_from(NMS_PRE_PER),
)


def grid_head(levels, shapes):
    """A head with the same number of anchors on every level; a level costs a quarter of the one before it."""
    return Head(
        f"grid-{levels}x{shapes}",
        (64, 64),
        3,
        tuple(
            Level(8 << i, (8 >> i, 8 >> i), 5, 6400 >> 2 * i, tuple((8.0 * 2**i, 8.0 * (j + 1)) for j in range(shapes)))
            for i in range(levels)
        ),
    )


def make(seed, images=6, objects=5, boxes=40, levels_of_score=20, size=64, jitter=3, categories=3, head=HEAD):
    """Annotations and candidates; coordinates are whole pixels, so that mmcv's class offset is exact."""
    rng = np.random.default_rng(seed)
    truth, rows = [], []
    for image in range(images):
        count = int(rng.integers(0, objects + 1))
        corner = rng.integers(0, size - 8, (count, 2))
        extent = rng.integers(2, size, (count, 2))
        category = rng.integers(0, categories, count)
        truth += [(image, category[i], *corner[i], *extent[i], rng.random() < 0.15) for i in range(count)]
        amount = int(rng.integers(0, boxes + 1))
        for _ in range(amount):
            score = np.float32((rng.integers(0, levels_of_score) + 1) / levels_of_score)
            if count and rng.random() < 0.7:
                i = rng.integers(count)
                first = np.maximum(corner[i] + rng.integers(-jitter, jitter + 1, 2), 0)
                last = np.maximum(first, corner[i] + extent[i] + rng.integers(-jitter, jitter + 1, 2))
                label = category[i] if rng.random() < 0.8 else rng.integers(categories)
            else:
                first = rng.integers(0, size - 8, 2)
                last = first + rng.integers(0, size, 2)
                label = rng.integers(categories)
            rows.append((image, label, rng.integers(head.num_anchors), score, *first, *last))
    if not rows:
        rows.append((0, 0, 0, np.float32(0.5), 0, 0, 9, 9))
    return _annotations(truth, images, rng), _candidates(rows)


def _annotations(truth, images, rng):
    table = np.array(truth, np.float64).reshape(-1, 7)
    ids = rng.permutation(len(table)).astype(np.int64)  # 0 included: COCO's code treats it specially
    area = table[:, 4] * table[:, 5] * rng.uniform(0.5, 1, len(table))
    return Annotations(
        images=tuple(Image(3 * i + 2, f"{i}.jpg", 64, 64) for i in range(images)),
        category_ids=CATEGORIES,
        category_names=tuple(str(i) for i in CATEGORIES),
        ids=ids,
        image_index=table[:, 0].astype(np.int32),
        category_index=table[:, 1].astype(np.int32),
        boxes=table[:, 2:6].copy(),
        area=area,
        iscrowd=table[:, 6].astype(bool),
    )


def _candidates(rows):
    table = np.array(rows, np.float64)
    return Candidates(
        image_id=(3 * table[:, 0] + 2).astype(np.int64),
        category_id=CATEGORIES[table[:, 1].astype(int)],
        anchor=table[:, 2].astype(np.int16),
        score=table[:, 3].astype(np.float32),
        boxes=table[:, 4:8].astype(np.float32),
    )


def write(path, candidates, postprocess, head=HEAD):
    """Write candidates as a predictions file and open it."""
    with PredictionsWriter(path, head, postprocess, {"made_by": "tests"}) as writer:
        edges = np.flatnonzero(np.diff(candidates.image_id)) + 1
        for index in np.split(np.arange(len(candidates.image_id)), edges):
            writer.add(
                int(candidates.image_id[index[0]]),
                candidates.category_id[index],
                candidates.anchor[index],
                candidates.score[index],
                candidates.boxes[index],
            )
    return Predictions.open(path)
