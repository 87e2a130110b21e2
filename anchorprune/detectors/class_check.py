"""A detector's classes against a split's categories."""

from pathlib import Path

from anchorprune.datasets.annotations import Annotations
from anchorprune.detectors.protocols import Detector
from anchorprune.errors import UserError


def check_classes(detector: Detector, truth: Annotations, source: Path) -> None:
    """See that a split's categories are the detector's.

    Raises:
        UserError: they are not, or the split is empty.
    """
    if not truth.images:
        raise UserError(f"{source}: this split has no images; give it at least one")
    if detector.classes != truth.category_names:
        raise UserError(
            f"{source}: its categories {list(truth.category_names)} are not the detector's {list(detector.classes)}; "
            "use the annotations the detector was trained for"
        )
