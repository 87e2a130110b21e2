"""A detector's parts in torch, to be timed."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from anchorprune.deploy.latency import table_export
from anchorprune.deploy.latency.compare import Timed
from anchorprune.detectors.mmdet.export import coding_of, export, level_outputs, normalised
from anchorprune.detectors.mmdet.model import Detector, postprocess
from anchorprune.detectors.mmdet.pruned import slice_detector
from anchorprune.heads.cost import cost
from anchorprune.heads.layout import Layout
from anchorprune.provenance import provenance


def timed(name: str, detector: Detector, opset: int, with_torch: bool = True) -> Timed:
    """A detector ready for `anchorprune.deploy.latency.compare.measure`; errors as `export`."""
    models = export(detector, opset, provenance())
    figures = cost(Layout.full(detector.head)).to_dict()
    return Timed(name, models, figures, {"end_to_end": torch_call(detector)} if with_torch else {})


def timed_layout(name: str, detector: Detector, layout: Layout, opset: int, with_torch: bool = True) -> Timed:
    """A layout of a detector, sliced and ready to be timed."""
    with tempfile.TemporaryDirectory() as folder:
        return timed(name, slice_detector(detector, layout, Path(folder)), opset, with_torch)


def export_table(detector: Detector, images: Sequence[Path], folder: Path, opset: int) -> None:
    """Write the folder that a device measures its latency table with; errors as `export`."""
    models = export(detector, opset, provenance())
    post = postprocess(detector.config)
    table_export.export_table(models, level_outputs(detector), coding_of(detector), post, images, folder)


def torch_call(detector: Detector) -> Callable[[np.ndarray], object]:
    """From one image's pixels (1, 3, H, W) to detections, by mmdet's own prediction."""
    model, head = detector.model, detector.model.bbox_head
    width, height = detector.head.input_size
    metas = [{"img_shape": (height, width), "scale_factor": (1.0, 1.0)}]

    def run(pixels: np.ndarray) -> object:
        with torch.inference_mode():
            images = normalised(model.data_preprocessor, torch.from_numpy(pixels).to(next(model.parameters()).device))
            return head.predict_by_feat(*head(model.extract_feat(images)), batch_img_metas=metas)

    return run
