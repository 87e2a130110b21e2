"""From any mmdet config of a known head to the same detector with an explicit anchor list."""

from pathlib import Path

import torch
from mmdet.registry import DATASETS, MODELS, TASK_UTILS
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope

from anchorprune.anchors.anchor_order import PUBLISHED_DIFFERENCE, Anchors, permutation
from anchorprune.detectors.mmdet.checkpoints import load_checkpoint, read_checkpoint
from anchorprune.detectors.mmdet.config.anchors import ExplicitAnchorGenerator
from anchorprune.detectors.mmdet.config.compose import OURS, OWN_KEY
from anchorprune.detectors.mmdet.config.generators import TOLERANCE
from anchorprune.detectors.mmdet.config.variants import as_prunable
from anchorprune.detectors.mmdet.families.family import Family
from anchorprune.detectors.mmdet.families.registry import family_of_class
from anchorprune.detectors.mmdet.folder import write_folder
from anchorprune.detectors.mmdet.model import build, describe
from anchorprune.errors import UserError
from anchorprune.heads.head import Head


def convert(
    cfg: Config, name: str, output: Path, weights: Path | None = None, trained_with: Anchors | None = None
) -> Head:
    """Write a prunable detector's folder into `output`, without `weights.pth` if no weights are given.

    Args:
        cfg: any mmdet config of a known head; changed in place.
        name: of the head; layouts refer to it.
        output: folder of the results.
        weights: a checkpoint of the config's detector.
        trained_with: the checkpoint's anchors, in its order: per level (w, h), input pixels. They are matched to the
            config's by their shape. The detector that is written has the config's order and the checkpoint's
            shapes, which its weights were trained for. None: the config's own, in its order.

    Raises:
        UserError: the head belongs to no known family, its classes are not named, or the weights do not fit.
    """
    make_prunable(cfg)
    order = None if trained_with is None else _take_shapes(cfg.model.bbox_head.anchor_generator, trained_with)
    cfg[OWN_KEY] = ConfigDict(cfg.get(OWN_KEY, {}), head=name, classes=class_names(cfg))
    model = build(cfg)
    if weights is not None:
        load_checkpoint(model, read_checkpoint(weights), weights, order)
    head = describe(cfg, model)
    write_folder(output, cfg, head, None if weights is None else model.state_dict())
    return head


def _take_shapes(generator: ConfigDict, shapes: Anchors) -> list[list[int]]:
    """Give an explicit generator these shapes, in its own order; the position of each in the order they came in."""
    order = permutation(shapes, generator.anchors, PUBLISHED_DIFFERENCE)
    generator.anchors = [[list(level[i]) for i in positions] for level, positions in zip(shapes, order, strict=True)]
    return order


def anchors_of(cfg: Config) -> Anchors:
    """The anchors of an mmdet config's head in its order: per level (w, h), input pixels; errors as `make_prunable`."""
    make_prunable(cfg)
    return cfg.model.bbox_head.anchor_generator.anchors


def class_names(cfg: Config) -> list[str]:
    """The names of a config's classes: stated under our key, in its test data, or in its data set's class.

    Raises:
        UserError: no names, or not as many as the head has classes.
    """
    dataset = cfg.test_dataloader.dataset
    while "dataset" in dataset:
        dataset = dataset.dataset
    known = getattr(DATASETS.get(dataset.type) if "type" in dataset else None, "METAINFO", None) or {}
    names = cfg.get(OWN_KEY, {}).get("classes") or dataset.get("metainfo", {}).get("classes") or known.get("classes")
    expected = cfg.model.bbox_head.num_classes
    if not names or len(names) != expected:
        raise UserError(
            f"config: {len(names or ())} class names for a head of {expected} classes; "
            f"add {OWN_KEY} = dict(classes=[...]) in the order of the head's labels"
        )
    return list(names)


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
