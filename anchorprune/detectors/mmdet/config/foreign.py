"""A detector from its own mmdet config, overrides of it and an anchor set."""

import yaml
from mmengine.config import Config

from anchorprune.anchors.anchor_sets import read_anchor_set
from anchorprune.detectors.foreign import Foreign
from anchorprune.detectors.mmdet.config import compose
from anchorprune.detectors.mmdet.config.explicit_anchors import ExplicitAnchorGenerator
from anchorprune.detectors.mmdet.config.prunable import make_prunable
from anchorprune.detectors.mmdet.families.registry import supported
from anchorprune.errors import UserError
from anchorprune.pipeline.yaml_numbers import read_value


def read_foreign(foreign: Foreign) -> Config:
    """Read a detector's config, override it, and give its head explicit anchors and a name.

    Raises:
        UserError: a file cannot be read, an option is no `KEY=VALUE`, or the anchors do not suit the detector.
    """
    cfg = compose.read_config(foreign.config)
    if foreign.options:
        _override(cfg, read_options(foreign.options))
    refuse_other_heads(cfg, foreign.config)
    if cfg.model.get("bbox_head", {}).get("anchor_generator", {}).get("type") != ExplicitAnchorGenerator.__name__:
        make_prunable(cfg)
    compose.set_head_name(cfg, foreign.name)
    if foreign.anchors is not None:
        chosen = read_anchor_set(foreign.anchors)
        compose.set_anchors(cfg, chosen["strides"], chosen["levels"])
    return cfg


def refuse_other_heads(cfg: Config, source: str) -> None:
    """See that a detector is a one-stage one with a dense head.

    Raises:
        UserError: it is not; with the names of what it has instead and of what is supported.
    """
    if "model" not in cfg:
        raise UserError(f"{source}: no mmdet config: it has no 'model'")
    if "test_dataloader" not in cfg or "test_cfg" not in cfg.model:
        lacking = "model.test_cfg" if "test_dataloader" in cfg else "test_dataloader"
        raise UserError(f"{source}: the config has no {lacking}; give the complete config of the detector")
    if "bbox_head" not in cfg.model:
        heads = [part.type for key, part in cfg.model.items() if key.endswith("head") and "type" in part]
        has = f"its heads are {', '.join(heads)}" if heads else "it has no head"
        raise UserError(
            f"{source}: {cfg.model.type} is no one-stage detector ({has}); supported heads are, or derive from, "
            f"{supported()}"
        )


def read_options(options: tuple[str, ...]) -> dict[str, object]:
    """`KEY=VALUE` each -> the overrides, values as YAML reads them; errors as `read_foreign`."""
    return dict(_read_option(text) for text in options)


def _override(cfg: Config, values: dict[str, object]) -> None:
    for key, value in values.items():
        try:
            cfg.merge_from_dict({key: _as_before(cfg, key, value)})
        except (KeyError, TypeError, IndexError, ValueError, AttributeError, AssertionError) as error:
            line = " ".join(str(error).split())
            raise UserError(f"--option {key}: the config has no place for it ({line}); correct the key") from None


def _as_before(cfg: Config, key: str, value: object) -> object:
    """A list as a tuple where the config has a tuple, which YAML cannot write; mmcv tells sizes from lists by it."""
    old = cfg
    for part in key.split("."):
        if isinstance(old, list | tuple) and part.isdigit() and int(part) < len(old):
            old = old[int(part)]
        else:
            old = old.get(part) if isinstance(old, dict | Config) else None
    return tuple(value) if isinstance(old, tuple) and isinstance(value, list) else value


def _read_option(text: str) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UserError(f"--option {text!r} is not KEY=VALUE, e.g. model.test_cfg.score_thr=0.01")
    try:
        return key, read_value(value)
    except yaml.YAMLError as error:
        line = " ".join(str(error).split())
        raise UserError(
            f"--option {text!r}: the value cannot be read as YAML ({line}); quote it, or correct it"
        ) from None
