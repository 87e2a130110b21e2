"""Looking over a stranger's detector before anything is made of it: its config, head, classes and checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdet.apis import inference_detector
from mmdet.datasets import CocoDataset
from mmdet.registry import DATASETS
from mmengine.config import Config, ConfigDict

from anchorprune.detectors.mmdet.checkpoints import load_checkpoint, read_checkpoint
from anchorprune.detectors.mmdet.config.compose import OWN_KEY, innermost
from anchorprune.detectors.mmdet.config.convert import class_names
from anchorprune.detectors.mmdet.families.families import supported
from anchorprune.detectors.mmdet.model import build, describe, postprocess
from anchorprune.errors import UserError
from anchorprune.heads.head import Head

_LOADERS = ("test_dataloader", "val_dataloader", "train_dataloader")


@dataclass(frozen=True)
class Classes:
    """The class names of a config.

    Attributes:
        names: in the config's order.
        of_coco_dataset: the data they come with is a CocoDataset, whose labels follow the annotation file's order.
    """

    names: tuple[str, ...]
    of_coco_dataset: bool


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


def find_classes(cfg: Config, source: str) -> Classes:
    """The names that a config gives to its head's classes, in its test data, else in those it is trained on.

    Raises:
        UserError: none of its data sets names as many classes as the head has.
    """
    expected = cfg.model.bbox_head.num_classes
    datasets = [innermost(cfg[loader].dataset) for loader in _LOADERS if cfg.get(loader)]
    given = [Classes(_names(dataset), _is_coco(dataset)) for dataset in datasets]
    if OWN_KEY in cfg and "classes" in cfg[OWN_KEY]:
        given.insert(0, Classes(tuple(cfg[OWN_KEY].classes), False))
    for classes in given:
        if len(classes.names) == expected:
            return classes
    counted = f"name {len(given[0].names)}" + (" (COCO's own)" if _is_default(datasets[0]) else "")
    raise UserError(
        f"{source}: the head has {expected} classes, but the config's data sets {counted}; "
        "name them with --classes, as the annotations do, in the order of the head's labels"
    )


def given_classes(cfg: Config, names: str) -> Classes:
    """The names that a user gives to a head's labels, with commas between.

    Raises:
        UserError: not as many as the head has classes.
    """
    found, expected = tuple(name.strip() for name in names.split(",")), cfg.model.bbox_head.num_classes
    if len(found) != expected:
        raise UserError(f"--classes: {len(found)} names for a head of {expected} classes; name each of its labels")
    return Classes(found, of_coco_dataset=False)


def states(cfg: Config, names: Sequence[str]) -> bool:
    """Whether `anchorprune convert` finds these class names in a config."""
    try:
        return class_names(cfg) == list(names)
    except UserError:
        return False


def try_out(cfg: Config, weights: Path, photo: Path) -> Head:
    """Build the detector of a prunable config, load a checkpoint and detect on a photo; returns the head.

    Raises:
        UserError: the checkpoint does not fit, the post-processing is not one that a search can follow, or the
            detector fails on the photo.
    """
    postprocess(cfg)
    model = build(cfg)
    load_checkpoint(model, read_checkpoint(weights), weights)
    model.eval()
    model.cfg = cfg
    try:
        inference_detector(model, str(photo))
    except Exception as error:  # pipelines and models are the user's: any error in them is too
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{photo}: the detector fails on this image ({reason}); mend its config or the image") from None
    return describe(cfg, model)


def _names(dataset: dict[str, Any]) -> Sequence[str]:
    stated = dataset.get("metainfo", {}).get("classes")
    stated = (stated,) if isinstance(stated, str) else stated
    return tuple(stated or (getattr(_kind(dataset), "METAINFO", None) or {}).get("classes") or ())


def _is_coco(dataset: ConfigDict) -> bool:
    kind = _kind(dataset)
    return isinstance(kind, type) and issubclass(kind, CocoDataset)


def _kind(dataset: ConfigDict) -> type | None:
    return DATASETS.get(dataset.type) if "type" in dataset else None


def _is_default(dataset: ConfigDict) -> bool:
    return _is_coco(dataset) and not dataset.get("metainfo", {}).get("classes")
