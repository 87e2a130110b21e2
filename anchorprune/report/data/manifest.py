"""The report's manifest: one entry per detector, with its names and the files its figures come from."""

from pathlib import Path
from typing import Any

from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.heads.layout import FIXED

Entry = dict[str, Any]

NAMES = ("experiment", "detector", "dataset", "anchor_set", "seed", "method", "budget")
UNPRUNED = "unpruned"
MARGIN = 0.005  # AP
FEWEST_TO_RANK = 4  # layouts of a training that a rank correlation is of
# Keys that an entry may leave out, and what they are then.
DEFAULTS: Entry = {
    "description": "",  # of the experiment, for people
    "label": None,  # a fixed layout's name
    "control": "",  # or "kmeans", "random": what the detector is compared with, not a result of the search
    "expected": {},  # ap and tolerance of this very entry's finished detector
    "no_loss": MARGIN,  # a loss of AP that is surely smaller is none to speak of
    "cost": "macs",  # what the entry's search saves
    "retrain": "",  # how its experiment trains what it has pruned
    "compared": "",  # the experiment whose list of ways to train this entry's experiment is one of
    "published": None,  # detector, configuration and variant of a row of the published results
}
CONTROLS = {"": "", "kmeans": "k-means anchors", "random": "random anchors"}


def read_manifest(path: Path) -> list[Entry]:
    """The manifest's entries, completed and checked.

    Raises:
        UserError: the file is missing, is no manifest, or an entry lacks a key or has an unknown value.
    """
    rows = read_json(path, "manifest")
    if (
        not isinstance(rows, list)
        or not rows
        or not all(isinstance(row, dict) and isinstance(row.get("files"), dict) for row in rows)
    ):
        raise UserError(f"{path}: not a report manifest (a list of entries with 'files')")
    for number, row in enumerate(rows):
        _check(row, f"{path}: entry {number}")
    return [completed(row) for row in rows]


def completed(entry: Entry) -> Entry:
    """An entry with every key; files that are not there (None) are left out."""
    files = {key: name for key, name in entry["files"].items() if name is not None}
    return {**DEFAULTS, **entry, "files": files}


def configuration(entry: Entry) -> str:
    """What people call the entry's detector: `unpruned`, a fixed layout's name, or the search and its budget."""
    if not entry["method"]:
        return UNPRUNED
    name = entry["label"] if entry["method"] == FIXED else f"{entry['method']} @{entry['budget']:g}"
    return name + (f", {CONTROLS[entry['control']]}" if entry["control"] else "")


def is_pruned(entry: Entry) -> bool:
    """Whether a search or a fixed layout gave the entry: neither the unpruned detector nor a control."""
    return bool(entry["method"]) and not entry["control"]


def is_compared(entry: Entry) -> bool:
    """Whether the entry's experiment is one of several ways to train that are compared."""
    return bool(entry["compared"])


def is_retrained(entry: Entry) -> bool:
    """Whether the entry has figures from before and from after a retraining."""
    files, names = entry["files"], ("sliced", "metrics") if entry["method"] else ("unpruned", "reference")
    return files.keys() >= set(names) and files[names[0]] != files[names[1]]


def _check(row: Entry, where: str) -> None:
    missing = [name for name in NAMES if name not in row]
    if missing:
        raise UserError(f"{where}: key {missing[0]!r} is missing; the pipeline writes a whole manifest")
    if "head" not in row["files"]:
        raise UserError(f"{where}: files has no 'head'; every cost is counted from the head.json")
    for name in ("experiment", "anchor_set", "compared"):  # they become file names
        text = row.get(name, "")
        if not isinstance(text, str) or Path(text).name != text or text.startswith("."):
            raise UserError(f"{where}: {name} {text!r} cannot be part of a file name; rename it")
    if row.get("control", "") not in CONTROLS:
        raise UserError(f"{where}: unknown control {row['control']!r}; known: kmeans, random")
    if row["method"] == FIXED and not row.get("label"):
        raise UserError(f"{where}: a fixed layout needs a 'label', its name")
    if row["method"] != FIXED and not isinstance(row["budget"], int | float):
        raise UserError(f"{where}: budget {row['budget']!r} is no number; only a fixed layout goes without")
