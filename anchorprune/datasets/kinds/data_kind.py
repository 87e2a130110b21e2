"""What a kind of data set is: what the pipeline and `anchorprune dataset` ask of it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from anchorprune.datasets.prepared_writer import Preparation
from anchorprune.datasets.splits import SPLITS

# A data set's entry in the configuration, with or without its defaults.
Settings = Mapping[str, Any]


class Source(NamedTuple):
    """A file or folder that a data set needs on disk, and the key of the configuration that asks for it."""

    key: str
    path: str


def all_splits(settings: Settings) -> Collection[str]:
    """The splits of a kind that always gives all three."""
    return SPLITS


def _nothing(settings: Settings) -> list[Path]:
    """No folder."""
    return []


def unchanged(settings: Settings) -> Settings:
    """The options of a kind whose sub-command has one for each setting."""
    return settings


def with_fraction_apart(settings: Settings) -> Settings:
    """The options of a kind whose setting `prune` may be a number: the share that is held out, `--prune-fraction`."""
    prune = settings.get("prune")
    if not isinstance(prune, int | float):
        return settings
    return {**{key: value for key, value in settings.items() if key != "prune"}, "prune_fraction": prune}


@dataclass(frozen=True)
class Kind:
    """A kind of data set: one file of this package, registered in its `__init__`.

    Attributes:
        name: its `kind` in the configuration, and its sub-command of `anchorprune dataset`.
        prepare: from the folder to write and the options of its sub-command, by name, to how its splits are made.
        sources: settings -> what it needs on disk; nothing if it is generated.
        dated_by: endings of those of its sources whose change makes a prepared data set out of date.
        folders: settings -> the folders whose files, images or boxes, do so too.
        splits: settings -> the splits that they give; one without train is for detectors that are not trained.
        options: settings -> the same by the names of its sub-command's options.
        collection: of `anchorprune download`, that brings it to the folder of its setting `root`; None: none does.
    """

    name: str
    prepare: Callable[..., Preparation]
    sources: Callable[[Settings], list[Source]]
    dated_by: tuple[str, ...] = (".json", ".txt")
    folders: Callable[[Settings], list[Path]] = _nothing
    splits: Callable[[Settings], Collection[str]] = all_splits
    options: Callable[[Settings], Settings] = unchanged
    collection: str | None = None

    def inputs(self, settings: Settings) -> list[str]:
        """The files whose change makes a prepared data set out of date."""
        return [path for _, path in self.sources(settings) if Path(path).suffix in self.dated_by]
