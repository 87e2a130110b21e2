"""What `train` and `convert` share: a detector from its config, overrides of it and an anchor set."""

from pathlib import Path

import click
import yaml
from mmengine.config import Config

from anchorprune.detectors.mmdet.config import compose
from anchorprune.detectors.mmdet.config.anchors import ExplicitAnchorGenerator
from anchorprune.detectors.mmdet.config.convert import make_prunable
from anchorprune.detectors.mmdet.config.takeover import refuse_other_heads
from anchorprune.files import read_json


def read_detector(config: str, name: str, anchors: Path | None, options: tuple[str, ...]) -> Config:
    """Read a detector's config, override it, and give its head explicit anchors and a name.

    Args:
        config: an mmdet config file, or `mmdet::FOLDER/NAME.py`.
        name: of the head.
        anchors: JSON with `strides` and `levels` of [w, h] pairs in input pixels; None: the config's own anchors.
        options: `KEY=VALUE` each, with a dotted key.

    Raises:
        UserError: a file cannot be read, or the anchors do not suit the detector.
        click.UsageError: an option that is no `KEY=VALUE`.
    """
    cfg = compose.read_config(config)
    if options:
        cfg.merge_from_dict({key: _as_before(cfg, key, value) for key, value in read_options(options).items()})
    refuse_other_heads(cfg, config)
    if cfg.model.get("bbox_head", {}).get("anchor_generator", {}).get("type") != ExplicitAnchorGenerator.__name__:
        make_prunable(cfg)
    compose.set_head_name(cfg, name)
    if anchors is not None:
        chosen = read_json(anchors, "anchor set")
        compose.set_anchors(cfg, chosen["strides"], chosen["levels"])
    return cfg


def read_options(options: tuple[str, ...]) -> dict[str, object]:
    """`KEY=VALUE` each -> the overrides, values as YAML reads them; errors as `read_detector`."""
    return dict(_read_option(text) for text in options)


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
        raise click.UsageError(f"--option {text!r} is not KEY=VALUE, e.g. model.test_cfg.score_thr=0.01")
    return key, yaml.safe_load(value)
