"""From any mmdet config of a known head to the same detector with an explicit anchor list, and back to boxes."""

from pathlib import Path

import torch
from mmdet.registry import DATASETS, MODELS, TASK_UTILS
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope

from anchorprune.anchor_order import PUBLISHED_DIFFERENCE, permutation, published_ssd300
from anchorprune.detectors.anchors import ExplicitAnchorGenerator
from anchorprune.detectors.checkpoints import load_checkpoint, read_checkpoint
from anchorprune.detectors.compose import OWN_KEY
from anchorprune.detectors.families import family_of_class
from anchorprune.detectors.model import build, describe
from anchorprune.detectors.weights import save_weights
from anchorprune.errors import UserError
from anchorprune.files import whole_file
from anchorprune.layout import Head

OURS = "anchorprune.detectors"
# Pixels that an explicit anchor may differ from the one it stands for: both are float32 sums.
TOLERANCE = 1e-3


def convert(cfg: Config, name: str, output: Path, weights: Path | None = None, published: bool = False) -> Head:
    """Write a prunable detector's `config.py` and `head.json` into `output`, and `weights.pth` if weights are given.

    Args:
        cfg: any mmdet config of a known head; changed in place.
        name: of the head; layouts refer to it.
        output: folder of the results.
        weights: a checkpoint of the config's detector, in mmdet's order of anchors unless `published`.
        published: the checkpoint's anchors stand in the order of the paper's SSD300 and have its shapes. The
            detector that is written has mmdet's order, and the paper's shapes, which its weights were trained for.

    Raises:
        UserError: the head belongs to no known family, its classes are not named, or the weights do not fit.
    """
    make_prunable(cfg)
    order = _take_published_shapes(cfg) if published else None
    cfg[OWN_KEY] = ConfigDict(cfg.get(OWN_KEY, {}), head=name, classes=class_names(cfg))
    model = build(cfg)
    if weights is not None:
        load_checkpoint(model, read_checkpoint(weights), weights, order)
        save_weights(output / "weights.pth", model.state_dict())
    with whole_file(output / "config.py") as partial:
        partial.write_text(cfg.pretty_text)
    head = describe(cfg, model)
    head.save(output / "head.json")
    return head


def _take_published_shapes(cfg: Config) -> list[list[int]]:
    """Set the shapes of the paper's SSD300, in the config's order; the position of each in the paper's order."""
    generator, shapes = cfg.model.bbox_head.anchor_generator, published_ssd300()
    order = permutation(shapes, generator.anchors, PUBLISHED_DIFFERENCE)
    generator.anchors = [[level[i] for i in positions] for level, positions in zip(shapes, order, strict=True)]
    return order


def class_names(cfg: Config) -> list[str]:
    """The names of a config's classes: stated under our key, in its test data, or in its data set's class.

    Raises:
        UserError: no names, or not as many as the head has classes.
    """
    dataset = cfg.test_dataloader.dataset
    while "dataset" in dataset:
        dataset = dataset.dataset
    known = getattr(DATASETS.get(dataset.type), "METAINFO", None) or {}
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
        UserError: the head belongs to no known family, or its anchors are not centred alike on a level.
    """
    init_default_scope(cfg.get("default_scope", "mmdet"))
    head = cfg.model.get("bbox_head")
    if head is None:
        raise UserError(f"detector {cfg.model.type} has no dense head; one-stage detectors only")
    family = family_of_class(MODELS.get(head.type))
    head.type = family.PRUNABLE
    head.anchor_generator = explicit(head.anchor_generator)
    imports = cfg.get("custom_imports") or ConfigDict(imports=[])
    if OURS not in imports["imports"]:
        imports["imports"] = [*imports["imports"], OURS]
    imports["allow_failed_imports"] = False
    cfg.custom_imports = imports


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
