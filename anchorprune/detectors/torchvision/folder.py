"""The folder of a torchvision detector: what it is, its head, and its weights, tensors only."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from anchorprune.detectors.folder import NAME, whole_folder
from anchorprune.detectors.torchvision.facts import Facts
from anchorprune.detectors.torchvision.weights import WEIGHTS, save_state
from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.heads.head import Head

BACKEND = "torchvision"


def write_folder(folder: Path, facts: Facts, head: Head, state: Mapping[str, Tensor] | None) -> None:
    """Write `weights.pth` (if there are any), `head.json` and, last, `detector.json`."""
    with whole_folder(folder, BACKEND, **facts.to_dict()):
        if state is not None:
            save_state(folder / WEIGHTS, state)
        head.save(folder / "head.json")


def read_folder(folder: Path) -> tuple[Facts, Head]:
    """What a detector is beside its weights.

    Raises:
        UserError: a file is missing or damaged.
    """
    record, head = folder / NAME, Head.load(folder / "head.json")
    facts = Facts.from_dict(read_json(record, "record of a detector"), str(record))
    if len(facts.classes) != head.num_classes:
        raise UserError(f"{record}: has {len(facts.classes)} classes, head.json {head.num_classes}; make it again")
    if [len(level) for level in facts.filters_of(head)] != [len(level.anchors) for level in head.levels]:
        raise UserError(f"{record}: its filters are not of head.json's anchors; make it again")
    return facts, head
