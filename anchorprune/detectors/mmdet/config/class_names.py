"""The names of a config's classes: those it states, those of its data sets, those that a user gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmdet.registry import DATASETS
from mmengine.config import Config, ConfigDict

from anchorprune.detectors.mmdet.config.compose import OWN_KEY, innermost
from anchorprune.errors import UserError

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


def class_names(cfg: Config) -> list[str]:
    """The names that a config states under our key, or its test data.

    Raises:
        UserError: no names, or not as many as the head has classes.
    """
    names = cfg.get(OWN_KEY, {}).get("classes") or _names(innermost(cfg.test_dataloader.dataset))
    expected = cfg.model.bbox_head.num_classes
    if len(names) != expected:
        raise UserError(
            f"config: {len(names)} class names for a head of {expected} classes; "
            f"add {OWN_KEY} = dict(classes=[...]) in the order of the head's labels"
        )
    return list(names)


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


def _names(dataset: dict[str, Any]) -> Sequence[str]:
    stated = dataset.get("metainfo", {}).get("classes")
    stated = (stated,) if isinstance(stated, str) else stated
    return tuple(stated or (getattr(_kind(dataset), "METAINFO", None) or {}).get("classes") or ())


def _is_coco(dataset: ConfigDict) -> bool:
    from mmdet.datasets import CocoDataset  # all of mmdet's data sets, which names that a config states do not need

    kind = _kind(dataset)
    return isinstance(kind, type) and issubclass(kind, CocoDataset)


def _kind(dataset: ConfigDict) -> type | None:
    return DATASETS.get(dataset.type) if "type" in dataset else None


def _is_default(dataset: ConfigDict) -> bool:
    return _is_coco(dataset) and not dataset.get("metainfo", {}).get("classes")
