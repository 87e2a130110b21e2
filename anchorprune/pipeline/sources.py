"""The files and folders on disk that a data set of the configuration is made from."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anchorprune.datasets.coco2017 import annotation_file, image_folder
from anchorprune.datasets.splits import SPLITS
from anchorprune.datasets.voc import listed, voc_list
from anchorprune.downloads.table import files_of
from anchorprune.errors import UserError

# Kind of a data set -> the collection of `anchorprune download` that brings it.
COLLECTION_OF = {"coco2017": "coco2017", "voc": "voc0712"}


def source_paths(dataset: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Key in the configuration and path, for everything a data set needs on disk; empty for generated ones."""
    if dataset["kind"] == "coco2017":
        return _coco2017_paths(dataset)
    if dataset["kind"] == "voc":
        return _voc_paths(dataset)
    splits = {s: dataset[s] for s in SPLITS if isinstance(dataset.get(s), Mapping)}
    return [(f"{s}.{key}", path) for s, split in splits.items() for key, path in split.items()]


def _coco2017_paths(dataset: Mapping[str, Any]) -> list[tuple[str, str]]:
    root, prune = dataset["root"], dataset.get("prune")
    paths = [("root", str(find(root, part))) for find in (annotation_file, image_folder) for part in ("train", "val")]
    needs_list = isinstance(prune, str) and dataset.get("protocol") != "release"
    return [*paths, ("prune", prune)] if needs_list else paths


def _voc_paths(dataset: Mapping[str, Any]) -> list[tuple[str, str]]:
    root = dataset["root"]
    sets = [(s, name) for s in SPLITS if isinstance(dataset.get(s), str | list) for name in listed(dataset[s])]
    folders = [] if any("/" in name for _, name in sets) else [("root", f"{root}/Annotations")]
    return folders + [(s, str(voc_list(root, name))) for s, name in sets]


def annotation_files(dataset: Mapping[str, Any]) -> list[str]:
    """The files whose change makes a prepared data set out of date."""
    return [path for _, path in source_paths(dataset) if Path(path).suffix in (".json", ".txt")]


def check_sources(name: str, dataset: Mapping[str, Any]) -> None:
    """See that a data set's files and folders are there, or will be downloaded.

    Raises:
        UserError: naming the key and the first path that is not.
    """
    lacking = _lacking(dataset)
    if lacking:
        key, path = lacking[0]
        raise UserError(f"datasets.{name}.{key}: {path} does not exist; {remedy(dataset)}")


def check_test_dev(name: str, test_dev: Mapping[str, str]) -> None:
    """See that what an experiment's test-dev submissions are made from is there.

    Raises:
        UserError: naming the key and the path that is not.
    """
    for key, path in test_dev.items():
        if not Path(path).exists():
            raise UserError(
                f"experiments.{name}.test_dev.{key}: {path} does not exist; mend the path, or run: "
                "anchorprune download coco2017-test-dev --root ROOT"
            )


def remedy(dataset: Mapping[str, Any]) -> str:
    """What to do about a data set that is not there."""
    collection = COLLECTION_OF.get(dataset["kind"])
    if collection is None:
        return "put it there or mend the path"
    return f"put it there, mend the path, or run: anchorprune download {collection} --root {dataset['root']}"


def download_roots(datasets: Mapping[str, Mapping[str, Any]], kind: str) -> str:
    """The roots to which data sets of a kind are to be downloaded (asked for, and not there), as a regular expression.

    It matches nothing where there are none: what is there must not be fetched again because a rule has changed.
    """
    wanted = [d for d in datasets.values() if d["kind"] == kind and d.get("download")]
    roots = {d["root"] for d in wanted if _missing(d) and not _lacking(d)}
    return "|".join(map(re.escape, sorted(roots))) or "(?!)"


def _missing(dataset: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(key, path) for key, path in source_paths(dataset) if not Path(path).exists()]


def _lacking(dataset: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is missing, less what a download will bring."""
    return [(key, path) for key, path in _missing(dataset) if path not in _brought(dataset)]


def _brought(dataset: Mapping[str, Any]) -> set[str]:
    """What a download will bring: nothing unless it is asked for and none of it is there.

    Where a part is there, the user says what to do: Snakemake removes a rule's outputs before it runs it.
    """
    if not dataset.get("download"):
        return set()
    files = files_of(COLLECTION_OF[dataset["kind"]], dataset["root"])
    folders = [str(image_folder(dataset["root"], part)) for part in ("train", "val")]
    return set() if any(Path(file).exists() for file in files) else {*files, *folders}
