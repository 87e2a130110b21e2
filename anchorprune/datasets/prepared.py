"""A prepared data set on disk: train.json, prune.json, test.json and dataset.json, which says where the images are."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.coco import read_coco, write_coco
from anchorprune.datasets.splits import SPLITS, subset
from anchorprune.errors import UserError
from anchorprune.files import read_json, write_json

_VERSION = 1


@dataclass(frozen=True)
class Split:
    """One split: its boxes, and its image folder (relative paths: relative to the folder of dataset.json)."""

    annotations: Annotations
    images: Path


def write_dataset(
    output: str | Path,
    make: Callable[[Path], Mapping[str, Split]],
    kind: str,
    seed: int | None = None,
    inputs: Iterable[Path] = (),
    protocol: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write a prepared data set: all of it or nothing.

    Everything is made in a temporary folder beside `output` and moved at the end, dataset.json last. What else lies in
    `output` (a log, say) stays.

    Args:
        output: the folder.
        make: gets a folder in which it may make `images/`; returns the three splits, or prune and test alone, for a
            detector that is not trained; then train has no images.
        kind: `scenes`, `coco`, `voc` or `coco2017`.
        seed: recorded, where something was drawn at random.
        inputs: files the data set is read from; none of them may be overwritten.
        protocol: recorded: what else decided which image is in which split.

    Returns:
        The content of dataset.json.

    Raises:
        UserError: the splits do not fit together, an input lies where an output goes, or `output` cannot be written.
    """
    output = Path(os.path.realpath(output))
    _refuse_to_overwrite(output, inputs)
    if kind == "scenes":
        _refuse_strangers(output / "images")
    with _workshop(output) as folder:
        splits = {name: _with_positive_ids(split) for name, split in make(folder).items()}
        _check_together({name: split.annotations for name, split in splits.items()})
        splits = {"train": _none_of(splits["prune"]), **splits}
        for name, split in splits.items():
            write_coco(split.annotations, folder / f"{name}.json")
        manifest = _manifest(splits, kind, seed, protocol or {})
        write_json(folder / "dataset.json", manifest)
        _move(folder, output)
    return manifest


def read_split(dataset: str | Path, name: str) -> Split:
    """Read one split of a prepared data set; `images` of the result can be opened from the current folder.

    Args:
        dataset: the folder, or its dataset.json.
        name: `train`, `prune` or `test`.
    """
    folder = Path(dataset).parent if Path(dataset).suffix == ".json" else Path(dataset)
    manifest = read_json(folder / "dataset.json", "data set (made by `anchorprune dataset`)")
    try:
        entry = manifest["splits"][name]
        return Split(read_coco(folder / entry["annotations"]), folder / entry["images"])
    except (KeyError, TypeError):
        raise UserError(f"{folder / 'dataset.json'}: has no split {name!r}; make the data set again") from None


def _manifest(splits: Mapping[str, Split], kind: str, seed: int | None, protocol: Mapping[str, Any]) -> dict[str, Any]:
    first = next(iter(splits.values())).annotations
    names = zip(first.category_ids.tolist(), first.category_names, strict=True)
    return {
        "version": _VERSION,
        "kind": kind,
        "seed": seed,
        "protocol": dict(protocol),
        "categories": [{"id": number, "name": name} for number, name in names],
        "splits": {name: _entry(name, split) for name, split in splits.items()},
    }


def _entry(name: str, split: Split) -> dict[str, Any]:
    found = split.annotations
    return {
        "annotations": f"{name}.json",
        "images": split.images.as_posix(),
        "image_count": len(found.images),
        "box_count": len(found.ids),
        "crowd_count": int(found.iscrowd.sum()),
        "skipped": list(found.skipped),
    }


def _none_of(split: Split) -> Split:
    """A split of the same categories without images."""
    return Split(subset(split.annotations, ()), split.images)


def _check_together(splits: Mapping[str, Annotations]) -> None:
    """All splits have images, boxes that count, and the same categories."""
    reference = next(iter(splits))
    for name, found in splits.items():
        if not found.images:
            raise UserError(f"split {name!r} is empty; give it at least one image")
        if found.iscrowd.all():
            raise UserError(f"split {name!r} has no boxes to find in its {len(found.images)} images; give it others")
        if _categories(found) != _categories(splits[reference]):
            differing = sorted(_categories(found) ^ _categories(splits[reference]))
            shown = ", ".join(f"{number} {label!r}" for number, label in differing[:5])
            raise UserError(
                f"splits {reference!r} and {name!r} differ in categories: {shown}; they must share them all"
            )


def _categories(found: Annotations) -> set[tuple[int, str]]:
    return set(zip(found.category_ids.tolist(), found.category_names, strict=True))


def _with_positive_ids(split: Split) -> Split:
    """Shift annotation ids to start at 1 if one is 0 or less: COCO's reference evaluation takes id 0 for `no match`."""
    ids = split.annotations.ids
    if not len(ids) or ids.min() > 0:
        return split
    values = {name: getattr(split.annotations, name) for name in Annotations.__dataclass_fields__}
    return Split(Annotations(**values | {"ids": (ids - ids.min() + 1).astype(np.int64)}), split.images)


def _refuse_to_overwrite(output: Path, inputs: Iterable[Path]) -> None:
    written = {output / f"{name}.json" for name in (*SPLITS, "dataset")}
    for path in inputs:
        if Path(os.path.realpath(path)) in written:
            raise UserError(f"{path}: the output would overwrite this input; choose another --output")


def _refuse_strangers(images: Path) -> None:
    """The image folder is replaced as a whole: it must not hold anything we did not make."""
    if images.exists() and not (images.is_dir() and {path.name for path in images.iterdir()} <= set(SPLITS)):
        raise UserError(f"{images}: holds files that are not generated scenes; move them or choose another --output")


@contextmanager
def _workshop(output: Path) -> Iterator[Path]:
    """A temporary folder on the same file system as `output`, removed at the end; so is an `output` left empty."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        for left in output.glob(".making-*"):  # by a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(dir=output, prefix=".making-"))
    except OSError as error:
        raise UserError(f"{output}: cannot write here ({error.strerror}); choose a folder you may write to") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # not empty: the usual case
            output.rmdir()


def _move(folder: Path, output: Path) -> None:
    """Move what was made into `output`; old images go to the temporary folder, which is removed."""
    images = output / "images"
    if (folder / "images").exists():
        if images.exists():
            images.rename(folder / "old")
        (folder / "images").rename(images)
    for name in (*SPLITS, "dataset"):
        (folder / f"{name}.json").replace(output / f"{name}.json")
