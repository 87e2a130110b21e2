"""What `metrics.json` says of a detector beside the one that it is compared with."""

from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.heads.detections import SplitDetections
from anchorprune.scoring.ap_change import ap_change
from anchorprune.scoring.bootstrap import RESAMPLES, Difference


def compared(
    truth: Annotations, detections: SplitDetections, reference: Path, threads: int | None = None
) -> dict[str, Any]:
    """The changes against another detector on the same images, each with its 95 % interval.

    Args:
        truth: the ground truth of the split.
        detections: of the detector.
        reference: folder where `evaluate` left the other's `metrics.json` and `detections.json`.
        threads: of a computation.

    Returns:
        `reference` (its folder), `ap_reference`, `resamples`, `figures` (`ap`, `ap_small`, ..) and `per_class`: name ->
        `change`, `low`, `high`; and `resampled`: the change of AP on each resample of the images. Where neither found
        anything, the two are empty and the last is left out.

    Raises:
        UserError: the reference is no evaluation, or one of other images.
    """
    metrics = read_json(reference / "metrics.json", "evaluation")
    others = SplitDetections.load(reference / "detections.json")
    if not np.isin(others.image_ids, truth.image_ids).all() or metrics.get("images") != len(truth.images):
        raise UserError(f"{reference}: an evaluation on other images; evaluate the reference on the same annotations")
    found = ap_change(truth, detections, others, threads=threads)
    facts = {"reference": str(reference), "ap_reference": metrics["ap"]}
    if found is None:  # neither detector found anything: there is no change, and nothing to resample
        return {**facts, "figures": {}, "per_class": {}}
    return {
        **facts,
        "resamples": RESAMPLES,
        "figures": {name: _as_json(change) for name, change in found.figures.items()},
        "per_class": {name: _as_json(change) for name, change in found.classes.items()},
        "resampled": found.resampled.tolist(),
    }


def _as_json(change: Difference) -> dict[str, float]:
    return {"change": change.ap, "low": change.low, "high": change.high}
