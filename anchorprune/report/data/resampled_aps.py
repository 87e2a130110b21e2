"""APs of detectors on resamples of the test images, the same resamples for all: what intervals of any two come from."""

from pathlib import Path

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.coco import read_coco
from anchorprune.heads.detections import SplitDetections
from anchorprune.report.data.manifest import Entry
from anchorprune.report.data.metrics import measured
from anchorprune.scoring.bootstrap import RESAMPLES, Bootstrap
from anchorprune.scoring.certainty import two_detectors


class ResampledAPs:
    """Gives each detector's APs on the resamples; what needs the detections is worked out once for each evaluation."""

    def __init__(self):
        self._aps: dict[Path, np.ndarray | None] = {}
        self._truths: dict[Path, Annotations] = {}

    def of(self, entry: Entry) -> np.ndarray | None:
        """(R,) float64, the AP of an entry's finished detector on each resample, NaN on one without ground truth.

        An evaluation that states its change on each resample needs no more than the reference's APs on them. None where
        detections or annotations are not there.
        """
        finished, reference = evaluations(entry)
        truth = _truth_file(entry)
        if finished != reference:
            found = measured(entry)
            change = found.finished.get("change", {})
            if "resampled" in change and change["ap_reference"] == found.reference.get("ap"):
                base, stated = self._made(reference, truth), np.array(change["resampled"], float)
                if base is not None and len(base) == len(stated):
                    return base + stated
        return self._made(finished, truth)

    def _made(self, metrics: Path | None, truth: Path | None) -> np.ndarray | None:
        if metrics is None or truth is None:
            return None
        if metrics not in self._aps:
            detections = metrics.with_name(DETECTIONS)
            there = detections.is_file() and truth.is_file()
            self._aps[metrics] = self._resampled(SplitDetections.load(detections), truth) if there else None
        return self._aps[metrics]

    def _resampled(self, found: SplitDetections, truth: Path) -> np.ndarray:
        if not len(found):
            return np.zeros(RESAMPLES)
        if truth not in self._truths:
            self._truths[truth] = read_coco(truth)
        aps = Bootstrap(two_detectors(self._truths[truth], found, found.chosen(slice(0)), threads=1)).aps([0])
        return np.where(aps >= 0, aps, np.nan)


DETECTIONS = "detections.json"  # beside each metrics.json of `evaluate`


def evaluations(entry: Entry) -> tuple[Path | None, Path | None]:
    """The metrics files of an entry's finished detector, and of the unpruned one that was trained as long."""
    files = entry["files"]
    reference = files.get("reference", files.get("unpruned"))
    finished = files.get("metrics", files.get("sliced")) if entry["method"] else reference
    return (*(None if name is None else Path(name) for name in (finished, reference)),)


def files_of_resamples(entry: Entry) -> list[Path]:
    """What the resamples of an entry are made from, beside the manifest's own files."""
    found = [path.with_name(DETECTIONS) for path in evaluations(entry) if path is not None]
    return [path for path in (*found, _truth_file(entry)) if path is not None]


def _truth_file(entry: Entry) -> Path | None:
    return Path(entry["files"]["data"]).with_name("test.json") if "data" in entry["files"] else None
