"""From any mmdet config of a known head to the same detector with an explicit anchor list."""

from pathlib import Path

from mmengine.config import Config, ConfigDict

from anchorprune.anchors.anchor_order import PUBLISHED_DIFFERENCE, Anchors, permutation
from anchorprune.detectors.mmdet.checkpoints import load_checkpoint, read_checkpoint
from anchorprune.detectors.mmdet.config.class_names import class_names
from anchorprune.detectors.mmdet.config.compose import OWN_KEY
from anchorprune.detectors.mmdet.config.prunable import make_prunable
from anchorprune.detectors.mmdet.folder import write_folder
from anchorprune.detectors.mmdet.model import build, describe
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
