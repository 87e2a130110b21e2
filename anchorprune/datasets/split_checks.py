"""Do splits fit together: no image in two of them, the same categories in all, something to find in each."""

import os
from collections.abc import Collection, Mapping

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.splits import Split
from anchorprune.errors import UserError


def check_disjoint(splits: Mapping[str, Split], same: Collection[str] = ()) -> None:
    """Check that no image file occurs in two splits: what the search or the training saw must not be reported on.

    Args:
        splits: by name.
        same: splits that a published protocol takes for one and the same; they may share images with each other.

    Raises:
        UserError: an image file occurs in two splits; names it and them.
    """
    owner: dict[str, str] = {}
    for name, (annotations, folder) in splits.items():
        name = "/".join(same) if name in same else name
        base = os.path.realpath(folder)
        for image in annotations.images:
            path = os.path.normpath(f"{base}/{image.file_name}")
            if owner.setdefault(path, name) != name:
                raise UserError(f"{path}: image is in the splits {owner[path]!r} and {name!r}; leave it in one of them")


def check_together(splits: Mapping[str, Split]) -> None:
    """Check that all splits have images, boxes that count, and the same categories.

    Raises:
        UserError: names the first split that has not.
    """
    reference = next(iter(splits))
    for name, (found, _) in splits.items():
        if not found.images:
            raise UserError(f"split {name!r} is empty; give it at least one image")
        if found.iscrowd.all():
            raise UserError(f"split {name!r} has no boxes to find in its {len(found.images)} images; give it others")
        differing = sorted(_categories(found) ^ _categories(splits[reference].annotations))
        if differing:
            shown = ", ".join(f"{number} {label!r}" for number, label in differing[:5])
            raise UserError(
                f"splits {reference!r} and {name!r} differ in categories: {shown}; they must share them all"
            )


def _categories(found: Annotations) -> set[tuple[int, str]]:
    return set(zip(found.category_ids.tolist(), found.category_names, strict=True))
