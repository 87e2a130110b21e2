"""A built mmdet detector: what its inference, export and slicing work on."""

from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.config import Config
from torch import nn

from anchorprune.detectors.mmdet.config.compose import OWN_KEY
from anchorprune.detectors.mmdet.model import postprocess
from anchorprune.heads.head import Head
from anchorprune.heads.predictions import Postprocess


@dataclass(frozen=True)
class BuiltDetector:
    """A network in evaluation mode, with its config and the description of its head.

    Attributes:
        config: complete mmdet config.
        model: the network.
        head: its description.
        source: the file that its weights are from.
        batch_size: images that it takes at once over a split, where they have one size.
    """

    config: Config
    model: nn.Module
    head: Head
    source: Path = Path()
    batch_size: int = 1

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.model.parameters()).device

    @property
    def classes(self) -> tuple[str, ...]:
        """Category names in the order of the head's labels."""
        return tuple(self.config[OWN_KEY]["classes"])

    @property
    def parameters(self) -> int:
        """How many numbers training has found, or could."""
        return sum(tensor.numel() for tensor in self.model.parameters())

    @property
    def postprocess(self) -> Postprocess:
        """Of its `test_cfg`; errors as `model.postprocess`."""
        return postprocess(self.config)
