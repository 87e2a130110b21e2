"""Writing an mmdet detector's folder: a complete config, weights of tensors only, and what the head is."""

from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config
from torch import Tensor

from anchorprune.detectors.folder import whole_folder
from anchorprune.detectors.mmdet.weights import save_weights
from anchorprune.files import whole_file
from anchorprune.heads.head import Head

BACKEND = "mmdet"
CONFIG, WEIGHTS = "config.py", "weights.pth"


def write_folder(folder: Path, cfg: Config, head: Head, state: Mapping[str, Tensor] | None) -> None:
    """Write `config.py`, `weights.pth` (if there are any), `head.json` and, last, `detector.json`."""
    with whole_folder(folder, BACKEND):
        with whole_file(folder / CONFIG) as partial:
            partial.write_text(cfg.pretty_text)
        if state is not None:
            save_weights(folder / WEIGHTS, state)
        head.save(folder / "head.json")
