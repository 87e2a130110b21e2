"""The metrics files of a detector of the manifest: before it was pruned, before it was retrained, and finished."""

from typing import Any

from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.report.data.manifest import Entry

Metrics = dict[str, Any]

AP_FIGURES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")  # every metrics file has them
VOC_FIGURES = ("voc_map", "voc_map_11point")  # those of a PASCAL VOC data set do


def metrics_of(entry: Entry) -> tuple[Metrics, Metrics, Metrics]:
    """Figures of the unpruned detector, of the entry's before retraining, and of the finished one; {} if not there.

    Raises:
        UserError: a file is missing or lacks one of AP_FIGURES.
    """
    files = entry["files"]
    unpruned = _read(files, "unpruned")
    if not entry["method"]:
        return unpruned, unpruned, unpruned
    sliced = _read(files, "sliced")
    return unpruned, sliced, _read(files, "metrics") or sliced


def _read(files: dict[str, str], key: str) -> Metrics:
    if key not in files:
        return {}
    metrics = read_json(files[key], "metrics file")
    missing = [name for name in AP_FIGURES if not isinstance(metrics, dict) or name not in metrics]
    if missing:
        raise UserError(f"{files[key]}: key {missing[0]!r} is missing; evaluate again")
    return metrics
