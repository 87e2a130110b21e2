"""A config's head with an explicit anchor list in place of its generator."""

import torch
from mmdet.registry import MODELS, TASK_UTILS
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope

from anchorprune.detectors.mmdet.config.compose import OURS
from anchorprune.detectors.mmdet.config.explicit_anchors import ExplicitAnchorGenerator
from anchorprune.detectors.mmdet.config.generators import TOLERANCE
from anchorprune.detectors.mmdet.config.variants import as_prunable
from anchorprune.detectors.mmdet.families.family import Family
from anchorprune.detectors.mmdet.families.registry import family_of_class
from anchorprune.errors import UserError


def make_prunable(cfg: Config) -> None:
    """Give a config's head an explicit anchor list in place of its generator, and the prunable form of its class.

    The boxes stay, in the generator's order, so weights that fitted before fit after.

    Raises:
        UserError: the head belongs to no known family or predicts otherwise, or its anchors are not centred alike on
            a level.
    """
    head, family = dense_head(cfg)
    as_prunable(head, MODELS.get(head.type), family)
    head.anchor_generator = explicit(head.anchor_generator)
    imports = cfg.get("custom_imports") or ConfigDict(imports=[])
    if OURS not in imports["imports"]:
        imports["imports"] = [*imports["imports"], OURS]
    imports["allow_failed_imports"] = False
    cfg.custom_imports = imports


def dense_head(cfg: Config) -> tuple[ConfigDict, Family]:
    """The config of a detector's head, and its family.

    Raises:
        UserError: there is no such head, or it belongs to no known family.
    """
    init_default_scope(cfg.get("default_scope", "mmdet"))
    head = cfg.model.get("bbox_head")
    if head is None:
        raise UserError(f"detector {cfg.model.type} has no dense head; one-stage detectors only")
    return head, family_of_class(MODELS.get(head.type))


def explicit(generator: ConfigDict) -> ConfigDict:
    """The config of the explicit generator that gives a generator's boxes, in its order.

    Raises:
        UserError: the anchors of a level have different centres.
    """
    built = TASK_UTILS.build(generator)
    anchors, centers = [], []
    for level, (corners, stride) in enumerate(zip(built.base_anchors, built.strides, strict=True)):
        corners = corners.double()
        middle = (corners[:, :2] + corners[:, 2:]) / 2
        center = middle.mean(0) if len(middle) else torch.tensor(stride).double() / 2
        if len(middle) and float((middle - center).abs().max()) > TOLERANCE:
            raise UserError(f"{generator.type}: the anchors of level {level} have different centres; not supported")
        centers.append([round(value, 4) for value in center.tolist()])
        anchors.append((corners[:, 2:] - corners[:, :2]).tolist())
    return ConfigDict(
        type=ExplicitAnchorGenerator.__name__,
        strides=[tuple(stride) for stride in built.strides],
        anchors=anchors,
        centers=centers,
    )
