"""From the splits that are given to the three of a prepared data set: hold out, limit, check."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.check import check_disjoint, check_images
from anchorprune.datasets.prepared import Split
from anchorprune.datasets.splits import SPLITS, first_images, split


def hold_out(
    found: Mapping[str, tuple[Annotations, Path]], shares: Mapping[str, float], seed: int
) -> dict[str, tuple[Annotations, Path]]:
    """Take shares of train, or of prune where there is no train, for the splits that are missing; at random by `seed`.

    Raises:
        UserError: a split would be empty.
    """
    if not shares:
        return dict(found)
    source = "train" if "train" in found else "prune"
    whole, images = found[source]
    parts = split(whole, {**shares, source: 1 - sum(shares.values())}, seed)
    return {**found, **{name: (part, images) for name, part in parts.items()}}


def finish(
    found: Mapping[str, tuple[Annotations, Path]],
    output: Path,
    limits: Mapping[str, int],
    check: bool,
    same: Collection[str] = (),
) -> dict[str, Split]:
    """Cut the splits to their limits, and check that they are disjoint and that their images are whole.

    Args:
        found: train (or none), prune and test, each with its image folder.
        output: the folder the data set goes to, for relative image folders.
        limits: most images of a split; the first by id stay.
        check: decode every image.
        same: splits that the protocol takes for one and the same.

    Raises:
        UserError: an image is in two splits, missing or damaged.
    """
    names = [n for n in SPLITS if n in found]
    cut = {n: (first_images(found[n][0], limits[n]) if n in limits else found[n][0], found[n][1]) for n in names}
    check_disjoint(cut, same)
    for annotations, images in cut.values() if check else ():
        check_images(annotations, images)
    return {name: Split(part, _recorded(images, output)) for name, (part, images) in cut.items()}


def _recorded(images: Path, output: Path) -> Path:
    """An absolute path stays; a relative one is recorded relative to OUTPUT, so that both can move together."""
    if images.is_absolute():
        return images
    return Path(os.path.relpath(os.path.realpath(images), os.path.realpath(output)))
