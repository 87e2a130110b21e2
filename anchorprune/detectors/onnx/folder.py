"""The folder of a detector in an ONNX file: the model, its head, and what the graph does not tell."""

from pathlib import Path

import onnx

from anchorprune.detectors.folder import NAME, whole_folder
from anchorprune.detectors.onnx.facts import Facts
from anchorprune.detectors.onnx.model_file import MODEL, write_model
from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.heads.head import Head


def write_folder(folder: Path, facts: Facts, head: Head, model: onnx.ModelProto) -> None:
    """Write `model.onnx`, `head.json` and, last, `detector.json`."""
    with whole_folder(folder, "onnx", **facts.to_dict()):
        write_model(folder / MODEL, model)
        head.save(folder / "head.json")


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
