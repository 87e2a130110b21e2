"""From a detector with explicit anchors back to mmdet's own head class and generator, where they can give it."""

import copy
from pathlib import Path
from typing import Any

from mmdet.registry import MODELS
from mmengine.config import Config
from torch import nn

from anchorprune.detectors.mmdet.checkpoints import read_checkpoint, renamed
from anchorprune.detectors.mmdet.config.compose import OURS
from anchorprune.detectors.mmdet.config.generators import Found, mmdet_generator
from anchorprune.detectors.mmdet.config.prunable import dense_head, explicit
from anchorprune.detectors.mmdet.families.registry import family_of
from anchorprune.detectors.mmdet.model import build
from anchorprune.detectors.mmdet.weights import load_into, save_weights
from anchorprune.errors import UserError
from anchorprune.files import whole_file
from anchorprune.heads.slicing import slice_state


def convert_back(cfg: Config, output: Path, weights: Path | None = None) -> dict[str, Any]:
    """Write the `config.py` of a detector that runs in mmdet without this package, and `weights.pth` if given.

    Which anchors mmdet's head takes, and where it predicts otherwise than ours, is said where its family is.

    Args:
        cfg: a complete config with explicit anchors, full or pruned; changed in place.
        output: folder of the results.
        weights: of this detector.

    Returns:
        `generator` (its config), `difference` (of the boxes, pixels, at most) and `same_order` (False where the
        generator lists the anchors in another order; the written weights are in that order).

    Raises:
        UserError: no generator of mmdet's gives these anchors, its head cannot have them, or the weights do not fit.
    """
    ours = copy.deepcopy(cfg)
    found = to_mmdet(cfg)
    model = build(cfg)
    if weights is not None:
        state = _ordered(build(ours), found, weights)
        load_into(model, state, weights)
        save_weights(output / "weights.pth", state)
    with whole_file(output / "config.py") as partial:
        partial.write_text(cfg.pretty_text)
    return {"generator": found.config.to_dict(), "difference": found.difference, "same_order": found.same_order}


def to_mmdet(cfg: Config) -> Found:
    """Give a config mmdet's own head class and generator, in place; errors as `convert_back`."""
    head, family = dense_head(cfg)
    if MODELS.get(head.type) not in (family.prunable, family.plain):
        raise UserError(f"head {head.type} is neither mmdet's nor ours; only those can be converted back")
    try:
        family.plain_config(head)
        found = mmdet_generator(explicit(head.anchor_generator), family.generators)
    except UserError as error:
        raise UserError(f"{cfg.filename or 'config'}: {error}") from None
    head.type, head.anchor_generator = family.plain.__name__, found.config
    _forget_us(cfg)
    return found


def _forget_us(cfg: Config) -> None:
    """Leave our module out of what the config imports."""
    imports = [name for name in (cfg.get("custom_imports") or {}).get("imports", []) if name != OURS]
    if imports:
        cfg.custom_imports.imports = imports
    else:
        cfg.pop("custom_imports", None)


def _ordered(model: nn.Module, found: Found, weights: Path) -> dict[str, Any]:
    """A prunable model's weights with the anchors in the order of the generator that was found."""
    state = renamed(read_checkpoint(weights), model)
    load_into(model, state, weights)
    if found.same_order:
        return state
    head = model.bbox_head
    return slice_state(state, family_of(head).anchor_slices(head, found.order))
