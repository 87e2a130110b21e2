"""Subsets of a data set, and seeded splits of one annotation file into disjoint parts."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.errors import UserError

# What a data set is split into: trained on, searched on, reported on.
SPLITS = ("train", "prune", "test")


class Split(NamedTuple):
    """One split: its boxes, and the folder that their file names are relative to."""

    annotations: Annotations
    images: Path


def subset(annotations: Annotations, image_ids: Iterable[int]) -> Annotations:
    """The part of `annotations` on the images `image_ids`: same ids, same categories, boxes in the same order.

    Raises:
        UserError: an id does not exist.
    """
    wanted = np.unique(np.fromiter(image_ids, dtype=np.int64))
    unknown = np.setdiff1d(wanted, annotations.image_ids)
    if len(unknown):
        raise UserError(f"image id {unknown[0]} is not in this data set; check the list of images")
    keep_image = np.isin(annotations.image_ids, wanted)
    position = np.cumsum(keep_image, dtype=np.int32) - 1
    keep = keep_image[annotations.image_index]
    images = tuple(image for image, kept in zip(annotations.images, keep_image.tolist(), strict=True) if kept)
    return Annotations(
        images=images,
        category_ids=annotations.category_ids,
        category_names=annotations.category_names,
        ids=annotations.ids[keep],
        image_index=position[annotations.image_index[keep]].astype(np.int32),
        category_index=annotations.category_index[keep],
        boxes=annotations.boxes[keep],
        area=annotations.area[keep],
        iscrowd=annotations.iscrowd[keep],
        difficult=None if annotations.difficult is None else annotations.difficult[keep],
    )


def first_images(annotations: Annotations, count: int) -> Annotations:
    """The part on the first `count` images by id; all of it where there are fewer."""
    return subset(annotations, annotations.image_ids[:count])


def split(annotations: Annotations, parts: Mapping[str, float], seed: int) -> dict[str, Annotations]:
    """Split the images at random into disjoint parts.

    Args:
        annotations: the whole.
        parts: per part its size: a count (int) or a fraction of all images (float in 0..1), in the order in which they
            take their images. Fractions that sum to 1 use every image.
        seed: the same seed gives the same parts, whatever the order of the file's images.

    Returns:
        The parts, in the order of `parts`.

    Raises:
        UserError: a part is empty, or the parts need more images than there are; the message names them.
    """
    sizes = _sizes(len(annotations.images), parts)
    order = np.random.default_rng(seed).permutation(annotations.image_ids)
    ends = np.cumsum(list(sizes.values()))
    return {
        name: subset(annotations, order[end - size : end])
        for (name, size), end in zip(sizes.items(), ends.tolist(), strict=True)
    }


def _sizes(total: int, parts: Mapping[str, float]) -> dict[str, int]:
    """Images per part. Fractions are rounded at their running sum, so that parts of the whole add up to it."""
    sizes, used = {}, 0.0
    for name, size in parts.items():
        amount = size if isinstance(size, int) else size * total
        if amount < 0 or not np.isfinite(amount):
            raise UserError(f"split {name!r}: size {size} is negative or no number; give a count or a fraction")
        sizes[name] = round(used + amount) - round(used)
        used += amount
        if sizes[name] < 1:
            raise UserError(f"split {name!r} is empty: {size} of {total} images; give it at least one image")
    if round(used) > total:
        raise UserError(
            f"the splits {', '.join(parts)} need {round(used)} images, but there are {total}; make them smaller"
        )
    return sizes
