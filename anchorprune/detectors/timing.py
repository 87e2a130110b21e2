"""A detector and its layouts ready to be timed, here or on another device."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from anchorprune.deploy.latency import table_export
from anchorprune.deploy.latency.part_times import Timed
from anchorprune.detectors.protocols import Exportable
from anchorprune.heads.cost import cost
from anchorprune.heads.layout import Layout
from anchorprune.provenance import provenance


def timed(name: str, detector: Exportable, opset: int, natively: bool = True) -> Timed:
    """A detector ready for `anchorprune.deploy.latency.part_times.time_parts`; errors as its export."""
    models = detector.export(opset, provenance())
    figures = cost(Layout.full(detector.head)).to_dict()
    return Timed(name, models, figures, {"end_to_end": detector.native_call()} if natively else {})


def timed_layout(name: str, detector: Exportable, layout: Layout, opset: int, natively: bool = True) -> Timed:
    """A layout of a detector, sliced and ready to be timed."""
    with tempfile.TemporaryDirectory() as folder:
        return timed(name, detector.slice(layout, Path(folder)), opset, natively)


def export_table(detector: Exportable, images: Sequence[Path], folder: Path, opset: int) -> None:
    """Write the folder that a device measures its latency table with; errors as its export."""
    models = detector.export(opset, provenance())
    table_export.export_table(models, *detector.decoding(), detector.postprocess, images, folder)
