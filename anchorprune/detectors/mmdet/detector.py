"""An mmdet detector ready to run: what `anchorprune.detectors.protocols.Detector` asks, answered."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from anchorprune.detectors.mmdet.built import BuiltDetector
from anchorprune.detectors.mmdet.config.compose import read_config
from anchorprune.detectors.mmdet.model import build, describe
from anchorprune.detectors.mmdet.operators import do_without
from anchorprune.detectors.mmdet.weights import load_into, read_weights
from anchorprune.detectors.protocols import ImageCandidates
from anchorprune.heads.detections import Detections
from anchorprune.heads.layout import Layout

if TYPE_CHECKING:
    from anchorprune.deploy.onnx.coding import Coding
    from anchorprune.deploy.onnx.finish import LevelOutputs
    from anchorprune.deploy.onnx.models import Models


class MmdetDetector(BuiltDetector):
    """A built detector that runs; what its methods need is imported when they are called (ONNX, mmdet's inference)."""

    def candidates(self, annotations: Path, images: Path) -> Iterator[ImageCandidates]:
        from anchorprune.detectors.mmdet.inference.candidates import split_candidates

        return split_candidates(self, annotations, images)

    def detections(self, annotations: Path, images: Path) -> Iterator[tuple[int, Detections]]:
        from anchorprune.detectors.mmdet.inference.found import split_detections

        return split_detections(self, annotations, images)

    def on_photos(self, photos: Sequence[Path]) -> Iterator[Detections]:
        from anchorprune.detectors.mmdet.inference.photos import detect_photos

        return detect_photos(self, photos)

    def slice(self, layout: Layout, output: Path) -> "MmdetDetector":
        from anchorprune.detectors.mmdet.pruned import slice_detector

        return slice_detector(self, layout, output)

    def export(self, opset: int, provenance: Mapping[str, Any], any_size: bool = False) -> "Models":
        from anchorprune.detectors.mmdet.export import export

        return export(self, opset, provenance, any_size)

    def decoding(self) -> "tuple[list[LevelOutputs], Coding]":
        from anchorprune.detectors.mmdet.export import coding_of, level_outputs

        return level_outputs(self), coding_of(self)

    def native_call(self) -> Callable[[np.ndarray], object]:
        from anchorprune.detectors.mmdet.inference.native import torch_call

        return torch_call(self)


def load(config: str | Path, weights: str | Path, device: str = "cpu", batch_size: int = 1) -> MmdetDetector:
    """Build a detector from its complete config and load its weights, on a device.

    Raises:
        UserError: either file is missing or damaged, or they do not fit each other.
    """
    cfg = read_config(config)
    model = build(cfg)
    load_into(model, read_weights(weights), weights)
    model.eval()
    if device == "cuda":
        _compute_as_on_the_cpu()
    do_without(torch.device(device))
    model.to(device)
    return MmdetDetector(cfg, model, describe(cfg, model), Path(weights), batch_size)


def _compute_as_on_the_cpu() -> None:
    """Full float32 and the same algorithm each time: cuDNN's TF32 keeps 10 bits of a product's 23, and it may choose
    another algorithm for a sliced head, while the AP of the search is to be the sliced detector's.
    """
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
