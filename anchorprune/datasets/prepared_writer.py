"""Writing a prepared data set: made in a temporary folder and moved into place, all of it or nothing."""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anchorprune.datasets.coco_writer import write_coco
from anchorprune.datasets.image_hashes import write_hashes
from anchorprune.datasets.prepared import describe
from anchorprune.datasets.split_checks import check_together
from anchorprune.datasets.splits import SPLITS, Split, subset
from anchorprune.errors import UserError
from anchorprune.files import write_json

LOG = logging.getLogger(__name__)
# in the order they come into place
_FILES = (*(f"{name}.{ending}" for name in SPLITS for ending in ("sha256", "json")), "dataset.json")


@dataclass(frozen=True)
class Preparation:
    """How a data set is prepared; nothing is read before `make` is called.

    Attributes:
        make: gets a folder in which it may make `images/`; returns the three splits, with image folders that are
            absolute or relative to the data set's; or prune and test alone, for a detector that is not trained: then
            train has no images.
        seed: recorded, where something is drawn at random.
        inputs: files the data set is read from; none of them may be overwritten.
        protocol: recorded: what else decides which image is in which split.
        makes_images: whether `make` makes `images/`, which then replaces an older one.
    """

    make: Callable[[Path], Mapping[str, Split]]
    seed: int | None = None
    inputs: Iterable[Path] = ()
    protocol: Mapping[str, Any] = field(default_factory=dict)
    makes_images: bool = False


def write_dataset(output: str | Path, kind: str, preparation: Preparation) -> dict[str, Any]:
    """Write a prepared data set; what else lies in its folder (a log, say) stays.

    Args:
        output: the folder.
        kind: of the data set, recorded.
        preparation: where its splits come from.

    Returns:
        The content of dataset.json, which comes into place last.

    Raises:
        UserError: the splits do not fit together, an input lies where an output goes, or `output` cannot be written.
    """
    output = Path(os.path.realpath(output))
    _refuse_to_overwrite(output, preparation.inputs)
    if preparation.makes_images:
        _refuse_strangers(output / "images")
    with _workshop(output) as folder:
        splits = dict(preparation.make(folder))
        check_together(splits)
        _note_id_zero(splits)
        splits = {"train": _none_of(splits["prune"]), **splits}
        hashes: dict[Path, str] = {}
        for name, split in splits.items():
            write_coco(split.annotations, folder / f"{name}.json")
            images = (folder if preparation.makes_images else output) / split.images
            write_hashes(folder / f"{name}.sha256", _names(split), images, hashes)
        manifest = describe(splits, kind, preparation.seed, preparation.protocol)
        write_json(folder / "dataset.json", manifest)
        _move(folder, output)
    return manifest


def _note_id_zero(splits: Mapping[str, Split]) -> None:
    """Ids stay, and COCO's evaluation takes a match with an annotation of id 0 for none."""
    for name, split in splits.items():
        if name != "train" and (split.annotations.ids == 0).any():
            LOG.warning("%s: COCO's evaluation never counts annotation 0 as found; number annotations from 1", name)


def _names(split: Split) -> list[str]:
    return [image.file_name for image in split.annotations.images]


def _none_of(split: Split) -> Split:
    """A split of the same categories without images."""
    return split._replace(annotations=subset(split.annotations, ()))


def _refuse_to_overwrite(output: Path, inputs: Iterable[Path]) -> None:
    written = {output / name for name in _FILES}
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
    for name in _FILES:
        (folder / name).replace(output / name)
