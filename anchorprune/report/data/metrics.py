"""The metrics files of a detector of the manifest: of the unpruned one, before it was retrained, and finished."""

from dataclasses import dataclass
from typing import Any

from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.report.data.manifest import Entry

Metrics = dict[str, Any]

AP_FIGURES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")  # every metrics file has them
VOC_FIGURES = ("voc_map", "voc_map_11point")  # those of a PASCAL VOC data set do


@dataclass(frozen=True)
class Measured:
    """What was measured around an entry of the manifest, all on the test split; {} where it was not.

    Attributes:
        unpruned: the unpruned detector as it was trained.
        reference: the unpruned detector trained as long as the pruned ones; the same where these are not retrained.
        before: the entry's detector before retraining; of the unpruned entry `unpruned`.
        finished: the entry's detector; of the unpruned entry `reference`.
    """

    unpruned: Metrics
    reference: Metrics
    before: Metrics
    finished: Metrics


def measured(entry: Entry) -> Measured:
    """The entry's figures.

    Raises:
        UserError: a file is missing or lacks one of AP_FIGURES.
    """
    files = entry["files"]
    unpruned = _read(files, "unpruned")
    reference = _read(files, "reference") or unpruned
    if not entry["method"]:
        return Measured(unpruned, reference, unpruned, reference)
    sliced = _read(files, "sliced")
    return Measured(unpruned, reference, sliced, _read(files, "metrics") or sliced)


def training_text(metrics: Metrics) -> str:
    """How an evaluation's detector was trained: `9 epochs`, `9 + 3 epochs`; "" where it does not say."""
    stages = metrics.get("trained")
    if stages is None:
        return ""
    counts = [_length(stage) for stage in stages]
    words = ["given weights"] if not stages or stages[0]["start"] == "weights" else []
    if counts and all(count.isdigit() for count in counts):
        return " + ".join([*words, *counts]) + " epochs"
    return " + ".join([*words, *counts])


def _length(stage: dict[str, Any]) -> str:
    if stage["iterations"] is not None:
        return f"{stage['iterations']} iterations"
    return str(stage["epochs"]) if stage["epochs"] is not None else "trained"


def _read(files: dict[str, str], key: str) -> Metrics:
    if key not in files:
        return {}
    metrics = read_json(files[key], "metrics file")
    missing = [name for name in AP_FIGURES if not isinstance(metrics, dict) or name not in metrics]
    if missing:
        raise UserError(f"{files[key]}: key {missing[0]!r} is missing; evaluate again")
    return metrics
