"""A resample of a split's images, as a split of its own."""

import dataclasses

import numpy as np

from anchorprune.datasets.annotations import Annotations, Image
from oracles.reference import results


def resampled(annotations: Annotations, found, times):
    """Annotations and results of a resample: an image drawn n times stands there n times, with new ids."""
    copies = [(i, c) for i, n in enumerate(times) for c in range(n)]
    images = tuple(Image(1 + n, "", 64, 64) for n in range(len(copies)))
    rows = [np.flatnonzero(annotations.image_index == i) for i, _ in copies]
    index = np.concatenate([*rows, np.empty(0, int)]).astype(int)
    again = dataclasses.replace(
        annotations,
        images=images,
        ids=np.arange(1, len(index) + 1),
        image_index=np.repeat(np.arange(len(copies)), [len(r) for r in rows]).astype(np.int32),
        **{name: getattr(annotations, name)[index] for name in ("category_index", "boxes", "area", "iscrowd")},
    )
    listed = []
    for n, (i, _) in enumerate(copies):
        mine = np.flatnonzero(found.image_id == annotations.images[i].id)
        listed += results([n + 1] * len(mine), found.category_id[mine], found.score[mine], found.boxes[mine])
    return again, listed
