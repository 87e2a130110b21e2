"""The files and folders on disk that a data set of the configuration is made from."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anchorprune.datasets.kinds import kind_of
from anchorprune.datasets.kinds.data_kind import Source
from anchorprune.downloads.table import COLLECTIONS
from anchorprune.errors import UserError


def source_paths(dataset: Mapping[str, Any]) -> list[Source]:
    """Key in the configuration and path, for everything a data set needs on disk; empty for generated ones."""
    return kind_of(dataset).sources(dataset)


def annotation_files(dataset: Mapping[str, Any]) -> list[str]:
    """The files whose change makes a prepared data set out of date."""
    return kind_of(dataset).inputs(dataset)


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
    collection = kind_of(dataset).collection
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


def _missing(dataset: Mapping[str, Any]) -> list[Source]:
    return [source for source in source_paths(dataset) if not Path(source.path).exists()]


def _lacking(dataset: Mapping[str, Any]) -> list[Source]:
    """What is missing, less what a download will bring."""
    return [source for source in _missing(dataset) if source.path not in _brought(dataset)]


def _brought(dataset: Mapping[str, Any]) -> set[str]:
    """What a download will bring: nothing unless it is asked for and none of its files is there.

    Where a part is there, the user says what to do: Snakemake removes a rule's outputs before it runs it.
    """
    collection = kind_of(dataset).collection
    if collection is None or not dataset.get("download"):
        return set()
    brought = {f"{dataset['root']}/{w}" for archive in COLLECTIONS[collection] for w in archive.witnesses}
    return set() if any(Path(path).is_file() for path in brought) else brought
