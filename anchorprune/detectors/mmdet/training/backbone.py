"""Weights that a backbone starts from: what the config names (mmengine's hub), a file, or none.

Nothing is unpickled: a file is read with the tensors-only loader, checked against the backbone, and handed to mmengine
as tensors under the backbone's own names.
"""

import logging
import re
import urllib.error
from collections.abc import Mapping
from pathlib import Path

import mmengine
import torch
from mmdet.registry import MODELS
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmengine.runner.checkpoint import get_deprecated_model_names, get_external_models, get_mmcls_models
from torch import Tensor

from anchorprune.detectors.mmdet.checkpoints import read_checkpoint
from anchorprune.detectors.mmdet.weights import save_weights
from anchorprune.errors import UserError

LOG = logging.getLogger(__name__)

HUB, NONE = "hub", "none"
# Parts of classifiers and detectors that are no part of a backbone, by their first name: torchvision's ResNet and VGG,
# mmpretrain's, timm's, and mmdet's own.
_HEADS = {"fc", "classifier", "head", "last_linear", "neck", "bbox_head", "data_preprocessor"}
# The file names of torchvision and OpenMMLab end with the start of the content's SHA-256.
_HASH = re.compile(r"-([0-9a-f]{8,})\.")


def set_backbone_weights(cfg: Config, choice: str) -> None:
    """Have a config's backbone start from a choice: `hub` (what the config names), `none`, or a file."""
    if choice == NONE:
        forget_pretrained(cfg)
    elif choice != HUB:
        cfg.model.backbone.init_cfg = ConfigDict(type="Pretrained", checkpoint=choice)


def pretrained(cfg: Config) -> str | None:
    """The checkpoint a config's backbone starts from: a file, a URL or a name of the hub; None without one."""
    init = cfg.model.get("backbone", {}).get("init_cfg") or {}
    return init.get("checkpoint") if isinstance(init, Mapping) and init.get("type") == "Pretrained" else None


def forget_pretrained(cfg: Config) -> None:
    """Have a config's backbone start from its own random initialisation."""
    if pretrained(cfg) is not None:
        cfg.model.backbone.init_cfg = None


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


def local_file(name: str) -> Path:
    """The file of a checkpoint's name; one of the web is fetched into torch's cache (`$TORCH_HOME`), once.

    Raises:
        UserError: the hub has no such name, or the file cannot be fetched.
    """
    url = _url(name)
    if url is None:
        return Path(name).expanduser()
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[1]
    if not path.is_file():
        _fetch(url, path)
    return path


def _url(name: str) -> str | None:
    """The URL of a checkpoint's name, as mmengine's tables have it; None for a file."""
    scheme, _, rest = name.partition("://")
    if not rest:
        return None
    if scheme in ("http", "https"):
        return name
    if scheme in ("torchvision", "modelzoo"):
        return _look_up(rest, mmengine.load(Path(mmengine.__file__).parent / "hub/torchvision_0.12.json"), name)
    if scheme in ("open-mmlab", "openmmlab"):
        return _look_up(get_deprecated_model_names().get(rest, rest), get_external_models(), name)
    if scheme == "mmcls":
        return _look_up(rest, get_mmcls_models(), name)
    raise UserError(f"{name}: no way is known to fetch {scheme}:// files; {_remedy()}")


def _look_up(key: str, urls: Mapping[str, str], name: str) -> str:
    if key not in urls:
        raise UserError(f"{name}: mmengine's hub has no such weights; {_remedy()}")
    return urls[key]


def _fetch(url: str, path: Path) -> None:
    """Download a file, whole or not at all; a hash in its name is checked."""
    LOG.info("backbone: fetching %s", url)
    found = _HASH.search(path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), found and found[1], progress=False)
    except (urllib.error.URLError, OSError) as error:  # the server's no included
        raise UserError(f"{url}: cannot be fetched ({error}); {_remedy()}") from None
    except RuntimeError as error:  # torch's word for a wrong hash
        raise UserError(f"{url}: came damaged ({error}); {_remedy()}") from None


def _remedy() -> str:
    return "give the weights as a file with --backbone-weights FILE, or start without with --backbone-weights none"
