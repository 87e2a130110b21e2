"""The last steps from the splits that are read to those of a prepared data set: limit, check, what to train on."""

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.image_check import check_images
from anchorprune.datasets.split_checks import check_disjoint
from anchorprune.datasets.splits import SPLITS, Split, first_images
from anchorprune.datasets.unusable import coco_trainable


def finish(
    found: Mapping[str, Split],
    output: Path,
    limits: Mapping[str, int],
    check: bool,
    trainable: Callable[[Annotations], Annotations] = coco_trainable,
    same: Collection[str] = (),
) -> dict[str, Split]:
    """Cut the splits to their limits, check that they are disjoint and their images whole, and fit train for training.

    Args:
        found: train (or none), prune and test.
        output: the folder the data set goes to, for relative image folders.
        limits: most images of a split; the first by id stay.
        check: decode every image.
        trainable: leaves out of the train split what cannot be trained on; the others keep every box.
        same: splits that the protocol takes for one and the same.

    Raises:
        UserError: an image is in two splits, missing or damaged.
    """
    whole = {name: found[name] for name in SPLITS if name in found}
    cut = {n: Split(first_images(s.annotations, limits[n]), s.images) if n in limits else s for n, s in whole.items()}
    check_disjoint(cut, same)
    for annotations, images in cut.values() if check else ():
        check_images(annotations, images)
    if "train" in cut:
        cut["train"] = cut["train"]._replace(annotations=trainable(cut["train"].annotations))
    return {name: Split(part, _recorded(images, output)) for name, (part, images) in cut.items()}


def facts(shares: Mapping[str, float], limits: Mapping[str, int]) -> dict[str, Any]:
    """What dataset.json records of how the splits were made: shares that were held out, and limits."""
    return ({"held_out": dict(shares)} if shares else {}) | ({"limit": dict(limits)} if limits else {})


def _recorded(images: Path, output: Path) -> Path:
    """An absolute path stays; a relative one is recorded relative to OUTPUT, so that both can move together."""
    if images.is_absolute():
        return images
    return Path(os.path.relpath(os.path.realpath(images), os.path.realpath(output)))
