"""The files and folders on disk that a data set of the configuration is made from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anchorprune.errors import UserError

SPLITS = ("train", "prune", "test")


def source_paths(dataset: Mapping[str, Any]) -> dict[str, str]:
    """Key in the configuration -> path, for everything a data set needs on disk; empty for generated ones."""
    if dataset["kind"] == "voc":
        root = dataset["root"]
        folders = {"root": f"{root}/Annotations"}
        return folders | {s: f"{root}/ImageSets/Main/{dataset[s]}.txt" for s in SPLITS if s in dataset}
    splits = {s: dataset[s] for s in SPLITS if isinstance(dataset.get(s), Mapping)}
    return {f"{s}.{key}": path for s, split in splits.items() for key, path in split.items()}


def annotation_files(dataset: Mapping[str, Any]) -> list[str]:
    """The files whose change makes a prepared data set out of date."""
    return [path for path in source_paths(dataset).values() if Path(path).suffix in (".json", ".txt")]


def check_sources(name: str, dataset: Mapping[str, Any]) -> None:
    """See that a data set's files and folders are there.

    Raises:
        UserError: naming the key and the first path that is not.
    """
    for key, path in source_paths(dataset).items():
        if not Path(path).exists():
            raise UserError(f"datasets.{name}.{key}: {path} does not exist; put it there or mend the path")
