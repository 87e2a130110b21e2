"""The folder of a detector in an ONNX file: the model, its head, and what the graph does not tell."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from anchorprune.detectors.folder import NAME, whole_folder
from anchorprune.detectors.onnx.facts import Facts
from anchorprune.detectors.onnx.model_file import MODEL, write_model
from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.heads.head import Head

EXPORT = {"kind": "raw export"}  # what `detector.json` has of one; the model's metadata have the rest


def write_folder(folder: Path, record: Mapping[str, Any], head: Head, model: onnx.ModelProto) -> None:
    """Write `model.onnx`, `head.json` and, last, `detector.json`."""
    with whole_folder(folder, "onnx", **record):
        write_model(folder / MODEL, model)
        head.save(folder / "head.json")


def is_export_folder(folder: Path) -> bool:
    """Whether it is of a raw export.

    Raises:
        UserError: `detector.json` is missing or damaged.
    """
    return read_json(folder / NAME, "record of a detector").get("kind") == EXPORT["kind"]


def read_folder(folder: Path) -> tuple[Facts, Head]:
    """What a detector is beside its model.

    Raises:
        UserError: a file is missing or damaged.
    """
    record, head = folder / NAME, Head.load(folder / "head.json")
    facts = Facts.from_dict(read_json(record, "record of a detector"), str(record))
    if len(facts.classes) != head.num_classes or len(facts.heads) != len(head.levels):
        raise UserError(f"{record}: has other classes or levels than head.json beside it; make the folder again")
    return facts, head
