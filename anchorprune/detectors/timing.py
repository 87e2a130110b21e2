"""A detector and its layouts ready to be timed, here or on another device."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from anchorprune.deploy.latency import table_export
from anchorprune.deploy.latency.part_times import Timeable, Timed
from anchorprune.detectors.protocols import Detector, Exportable, Finished
from anchorprune.detectors.registry import offered, offers
from anchorprune.heads.cost import cost
from anchorprune.heads.layout import Layout
from anchorprune.provenance import provenance


def check_timed(detector: Detector, table: bool) -> None:
    """See that a detector can be timed, or have a latency `table`.

    Raises:
        UserError: its backend does not offer it.
    """
    if table or not offers(detector, Finished):
        offered(detector, Exportable, "latency --table" if table and offers(detector, Finished) else "latency")


def timed(name: str, detector: Detector, opset: int, natively: bool = True) -> Timeable:
    """A detector ready for `anchorprune.deploy.latency.part_times.time_parts`; errors as its export."""
    if offers(detector, Finished):
        return detector.timed(name)
    check_timed(detector, table=False)
    models = detector.export(opset, provenance())
    figures = cost(Layout.full(detector.head)).to_dict()
    return Timed(name, models, figures, {"end_to_end": detector.native_call()} if natively else {})


def timed_layout(name: str, detector: Detector, layout: Layout, opset: int, natively: bool = True) -> Timeable:
    """A layout of a detector, sliced and ready to be timed."""
    with tempfile.TemporaryDirectory() as folder:
        return timed(name, detector.slice(layout, Path(folder)), opset, natively)


def export_table(detector: Exportable, images: Sequence[Path], folder: Path, opset: int) -> None:
    """Write the folder that a device measures its latency table with; errors as its export."""
    models = detector.export(opset, provenance())
    table_export.export_table(models, *detector.decoding(), detector.postprocess, images, folder)
