"""Checkpoints by name, as mmengine's hub has them: found in its tables, fetched into torch's cache, once."""

import logging
import re
import urllib.error
from collections.abc import Mapping
from pathlib import Path

import mmengine
import torch
from mmengine.runner.checkpoint import get_deprecated_model_names, get_external_models, get_mmcls_models

from anchorprune.errors import UserError

LOG = logging.getLogger(__name__)

# The file names of torchvision and OpenMMLab end with the start of the content's SHA-256.
_HASH = re.compile(r"-([0-9a-f]{8,})\.")


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
