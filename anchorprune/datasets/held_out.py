"""Splits held out of another one: shares of it, drawn at random, or the images that a list names."""

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np

from anchorprune.datasets.splits import Split, split, subset
from anchorprune.errors import UserError


def shares_held_out(given: Collection[str], prune_fraction: float, test_fraction: float | None) -> dict[str, float]:
    """The splits to be taken from train, or from prune where there is no train, and their shares of it.

    Args:
        given: names of the splits that there are.
        prune_fraction: share of the prune split, if it is not given.
        test_fraction: share of the test split, if it is not given.

    Raises:
        UserError: there is nothing to search or to report on, or the shares leave nothing to train on.
    """
    if not ("train" in given or "prune" in given):
        raise UserError("no images to search on: give --train, --prune or both")
    if "test" not in given and test_fraction is None:
        raise UserError("no test split: give --test, or --test-fraction to hold out a share of train for it")
    wanted = {"prune": prune_fraction, "test": test_fraction}
    shares = {name: share for name, share in wanted.items() if name not in given and share is not None}
    if sum(shares.values()) >= 1:
        raise UserError("--prune-fraction and --test-fraction leave nothing to train on; make them smaller")
    return shares


def hold_out(found: Mapping[str, Split], shares: Mapping[str, float], seed: int) -> dict[str, Split]:
    """Take shares of train, or of prune where there is no train, for the splits that are missing; at random by `seed`.

    Raises:
        UserError: a split would be empty.
    """
    if not shares:
        return dict(found)
    source = "train" if "train" in found else "prune"
    whole, images = found[source]
    parts = split(whole, {**shares, source: 1 - sum(shares.values())}, seed)
    return {**found, **{name: Split(part, images) for name, part in parts.items()}}


def hold_out_listed(found: Mapping[str, Split], path: str | Path) -> dict[str, Split]:
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
            f"{missing[0]}; the list is for the whole of train2017: of a part, hold out a share (prune_fraction: 0.2, "
            "--prune-fraction 0.2)"
        )
    rest = np.setdiff1d(train.image_ids, wanted)
    return {**found, "train": Split(subset(train, rest), images), "prune": Split(subset(train, wanted), images)}


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
