"""Weights that a backbone starts from, checked before a training.

Nothing is unpickled: a file is read with the tensors-only loader, checked against the backbone, and handed to mmengine
as tensors under the backbone's own names.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from mmdet.registry import MODELS
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from torch import Tensor

from anchorprune.detectors.mmdet.checkpoints import read_checkpoint
from anchorprune.detectors.mmdet.config.pretrained import pretrained
from anchorprune.detectors.mmdet.training.hub import local_file
from anchorprune.detectors.mmdet.weights import save_weights
from anchorprune.errors import UserError

LOG = logging.getLogger(__name__)

# Parts of classifiers and detectors that are no part of a backbone, by their first name: torchvision's ResNet and VGG,
# mmpretrain's, timm's, and mmdet's own.
_HEADS = {"fc", "classifier", "head", "last_linear", "neck", "bbox_head", "data_preprocessor"}


def prepare_backbone(cfg: Config, folder: Path) -> None:
    """Fetch and check the weights that a config's backbone starts from; the config then names them in `folder`.

    Raises:
        UserError: the file is missing, cannot be fetched, holds more than tensors, or does not fit the backbone.
    """
    name = pretrained(cfg)
    if name is None:
        return
    source = local_file(name)
    init_default_scope(cfg.get("default_scope", "mmdet"))
    own = MODELS.build({**cfg.model.backbone, "init_cfg": None}).state_dict()
    state = fit(read_checkpoint(source), own, source)
    save_weights(folder / "backbone.pth", state)
    cfg.model.backbone.init_cfg = ConfigDict(type="Pretrained", checkpoint=str(folder / "backbone.pth"))
    LOG.info("backbone: starts from %s", name)


def fit(state: Mapping[str, Tensor], own: Mapping[str, Tensor], source: str | Path) -> dict[str, Tensor]:
    """The entries of `state` that a backbone has, under its names.

    Args:
        state: of a classifier, of a whole detector (names start with `backbone.`), or of the backbone alone.
        own: the backbone's state dict. Batch norms' counters, which old files lack, come from it.
        source: names the file in errors.

    Raises:
        UserError: naming the first keys that are missing, unknown or of another shape.
    """
    inner = {name.removeprefix("backbone."): value for name, value in state.items() if name.startswith("backbone.")}
    inner = inner or dict(state)
    counters = {name: value for name, value in own.items() if name.endswith(".num_batches_tracked")}
    missing = [name for name in own if name not in inner and name not in counters]
    extra = [name for name in inner if name not in own]
    unknown = [name for name in extra if name.split(".")[0] not in _HEADS]
    differing = [
        f"{name} {tuple(inner[name].shape)} where the backbone has {tuple(value.shape)}"
        for name, value in own.items()
        if name in inner and inner[name].shape != value.shape
    ]
    kinds = (("missing", missing), ("unknown", unknown), ("of another shape", differing))
    problems = [f"{word} {_first(names)}" for word, names in kinds if names]
    if problems:
        raise UserError(f"{source}: these weights do not fit the config's backbone: {'; '.join(problems)}")
    if extra:
        LOG.info("backbone: %s has more than a backbone, which is left out: %s", source, _first(extra))
    return counters | {name: inner[name] for name in own if name in inner}


def _first(names: list[str], count: int = 3) -> str:
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")
