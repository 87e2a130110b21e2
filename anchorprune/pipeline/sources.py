"""The files and folders on disk that experiments are made from, their detectors' apart (detectors/configured.py)."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from anchorprune.datasets.kinds import kind_of
from anchorprune.datasets.kinds.data_kind import Source
from anchorprune.downloads.table import COLLECTIONS
from anchorprune.errors import UserError, did_you_mean
from anchorprune.pipeline.records import Experiment, Plan

_BLANKS = 1024  # bytes, of which some may be blank, at both ends of a file


def check_given_files(plan: Plan, published: Path) -> None:
    """See that what the picked experiments name is there, or will be downloaded.

    Args:
        plan: whose experiments are checked.
        published: table of the published figures.

    Raises:
        UserError: naming the key and the first path or name that is not.
    """
    for name in dict.fromkeys(experiment.dataset for experiment in plan.run):
        check_sources(name, plan.config["datasets"][name])
    for name in dict.fromkeys(search for experiment in plan.run for search in experiment.searches):
        _check_latency_table(name, plan.config["searches"][name].get("latency_table"))
    for experiment in plan.run:
        check_test_dev(experiment.key, experiment.test_dev or {})
    _check_published([experiment for experiment in plan.run if experiment.published], published)


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
        raise UserError(f"datasets.{name}.{key}: {path} does not exist; {remedy(dataset, lacking[0])}")
    _check_kinds_of_path(name, source_paths(dataset))


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


def remedy(dataset: Mapping[str, Any], source: Source) -> str:
    """What to do about a source that a data set lacks; where image sets are there, it is another of them or a share."""
    kind, folder = kind_of(dataset), Path(source.path).parent
    if kind.name == "voc" and source.key != "root" and folder.is_dir():
        share = "" if source.key == "train" else f", or give {source.key}_fraction: 0.25 to hold out a quarter of train"
        return (
            f"mend the name{share}{did_you_mean(Path(source.path).stem, (file.stem for file in folder.glob('*.txt')))}"
        )
    if kind.collection is None:
        return "put it there or mend the path"
    return f"put it there, mend the path, or run: anchorprune download {kind.collection} --root {dataset['root']}"


def _check_kinds_of_path(name: str, sources: Iterable[Source]) -> None:
    """See that files are files and folders are folders, of those that are there, and that COCO files look whole."""
    for key, path in sources:
        where = f"datasets.{name}.{key}: {path}"
        if Path(path).is_file() and key.endswith(".images"):
            raise UserError(f"{where} is a file; give the folder of the images")
        if Path(path).is_dir() and key.endswith(".annotations"):
            raise UserError(f"{where} is a folder; give a COCO annotation file")
        if Path(path).is_file() and path.endswith(".json") and key.endswith(("root", ".annotations")):
            _check_ends(where, Path(path))


def _check_ends(where: str, path: Path) -> None:
    """See that a file begins and ends as a JSON object does; it may be too large to read it whole here."""
    with path.open("rb") as stream:
        first = stream.read(_BLANKS).lstrip()[:1]
        stream.seek(max(path.stat().st_size - _BLANKS, 0))
        last = stream.read().rstrip()[-1:]
    if first != b"{":
        raise UserError(f"{where} is no COCO annotation file, which begins with {{; give one")
    if last != b"}":
        raise UserError(f"{where} does not end with }}: it is damaged or cut off; restore it")


def _check_latency_table(search: str, path: str | None) -> None:
    if path is not None and not Path(path).is_file():
        raise UserError(
            f"searches.{search}.latency_table: {path} does not exist; mend the path, or measure one: "
            "anchorprune latency --table"
        )


def _check_published(experiments: Sequence[Experiment], table: Path) -> None:
    """See that the published figures have the detectors whose rows are to stand beside the experiments'."""
    if not experiments:
        return
    with table.open(encoding="utf-8", newline="") as stream:
        known = sorted({row["detector"] for row in csv.DictReader(stream)})
    for experiment in experiments:
        if (name := experiment.published) not in known:
            said = f"{name!r} is not in {table}; known: {', '.join(known)}{did_you_mean(name, known)}"
            raise UserError(f"experiments.{experiment.key}.published: {said}")


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
