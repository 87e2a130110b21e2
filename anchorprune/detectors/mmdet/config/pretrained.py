"""What a config's backbone starts from: the weights that it names, a file, or none."""

from collections.abc import Mapping

from mmengine.config import Config, ConfigDict

HUB, NONE = "hub", "none"


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
