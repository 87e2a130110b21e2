"""mmengine's newer kind of config, which imports classes, as the kind that names them."""

from typing import Any

from mmengine.config import Config

# Packages whose parts are registered under their bare names; others keep the dotted path, which registries import.
_REGISTERED = ("mmdet.", "mmcv.", "mmengine.")


def named(cfg: Config) -> Config:
    """A config whose types are names: a converted copy of one that imports its classes, any other as it is."""
    if not getattr(cfg, "_imported_names", None):
        return cfg
    plain = Config.fromstring(cfg.pretty_text, ".py")  # mmengine writes classes as dotted paths
    _shorten(plain._cfg_dict)
    return plain


def _shorten(value: Any) -> None:
    """Cut the module's path off every `type` of a registered package, in place."""
    if isinstance(value, dict):
        kind = value.get("type")
        if isinstance(kind, str) and kind.startswith(_REGISTERED):
            value["type"] = kind.rpartition(".")[2]
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        _shorten(inner)
