"""COCO 2017 in its own layout, and two protocols on it.

`heldout`: the search sees 5000 images of train2017 that a list in the repository names (config/splits/README.md), the
training sees the rest, the report sees val2017. `release`: the published code release's way, training on all of
train2017, search and report both on val2017; its figures compare with the published ones, but its search has seen the
images that it is reported on.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.splits import subset
from anchorprune.errors import UserError

PROTOCOLS = ("heldout", "release")
PRUNE_LIST = Path("config/splits/coco2017-prune.txt")
Found = dict[str, tuple[Annotations, Path]]


def annotation_file(root: str | Path, part: str) -> Path:
    """COCO's own place of the boxes of `train` or `val`."""
    return Path(root) / "annotations" / f"instances_{part}2017.json"


def image_folder(root: str | Path, part: str) -> Path:
    """COCO's own place of the images of `train` or `val`."""
    return Path(root) / f"{part}2017"


def read_coco2017(root: str | Path, protocol: str) -> Found:
    """The splits that are whole files: train and test, and under `release` prune, which is test.

    Raises:
        UserError: an annotation file is missing or damaged.
    """
    train, val = (
        (read_coco(annotation_file(root, p), skip_points=True), image_folder(root, p)) for p in ("train", "val")
    )
    return {"train": train, "test": val} | ({"prune": val} if protocol == "release" else {})


def hold_out_listed(found: Found, path: str | Path) -> Found:
    """Move the images that a list names from train to prune.

    Args:
        found: the splits so far, train among them.
        path: text file of image ids, one a line.

    Raises:
        UserError: the list is missing or damaged, or not all of it is in train, or it leaves nothing to train on.
    """
    train, images = found["train"]
    wanted = read_image_list(path)
    missing = np.setdiff1d(wanted, train.image_ids)
    if len(missing):
        raise UserError(
            f"{path}: {len(missing)} of its {len(wanted)} images are not in the train annotations, the first of them "
            f"{missing[0]}; the list is for the whole of train2017: of a part, hold out a fraction (prune: 0.2, "
            "--prune-fraction 0.2)"
        )
    rest = np.setdiff1d(train.image_ids, wanted)
    return found | {"train": (subset(train, rest), images), "prune": (subset(train, wanted), images)}


def read_image_list(path: str | Path) -> np.ndarray:
    """Image ids of a text file, one a line, as (N,) int64, ascending.

    Raises:
        UserError: the file is missing or empty, or a line is no id or occurs twice.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise UserError(f"{path}: no such list of image ids; check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot read this list of image ids ({error})") from None
    bad = next((n for n, line in enumerate(lines, start=1) if not re.fullmatch(r"\s*[0-9]{1,18}\s*", line)), None)
    if bad is not None:
        raise UserError(f"{path}: line {bad} is {lines[bad - 1]!r}; every line must be one image id")
    return _distinct(path, map(int, lines))


def _distinct(path: str | Path, ids: Iterable[int]) -> np.ndarray:
    found, counts = np.unique(np.fromiter(ids, dtype=np.int64), return_counts=True)
    if not len(found):
        raise UserError(f"{path}: this list of image ids is empty; a prune split needs images")
    if (counts > 1).any():
        raise UserError(f"{path}: image id {found[counts > 1][0]} is listed twice; remove one")
    return found
