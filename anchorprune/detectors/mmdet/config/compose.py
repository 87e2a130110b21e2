"""Complete mmdet configs: a detector's config file + anchors + a data set's classes and files."""

import importlib
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config, ConfigDict
from torch.nn.modules.utils import _pair

from anchorprune.detectors.mmdet.config.plain_config import named
from anchorprune.detectors.mmdet.given_files import packaged
from anchorprune.errors import UserError

# Where our own facts live in a config.py; mmdet ignores keys it does not know.
OWN_KEY = "anchorprune"
# What a config imports so that mmdet knows our parts, and what it was called until version 0.2.0.
OURS, OURS_BEFORE = "anchorprune.detectors.mmdet.parts", "anchorprune.detectors"


def read_config(path: str | Path, to_build: bool = True) -> Config:
    """Read an mmdet config of any form (inheritance, custom imports).

    Args:
        path: a file, or `mmdet::FOLDER/NAME.py` for one that mmdet (or another package) brings along.
        to_build: import our parts and the modules that the config names, so that what it says can be built. That takes
            seconds.

    Raises:
        UserError: the file is missing or cannot be read as a config.
    """
    package, marker, name = str(path).partition("::")
    if marker:
        path = packaged(package, name)
    if not Path(path).is_file():
        raise UserError(f"{path}: no such mmdet config; check the path")
    if to_build:
        importlib.import_module(OURS)
    try:
        cfg = named(Config.fromfile(str(path), import_custom_modules=to_build))
    except Exception as error:  # a config is a program: any error in it is the user's
        raise UserError(f"{path}: not a readable mmdet config ({type(error).__name__}: {error})") from None
    if "custom_imports" in cfg:
        imports = cfg.custom_imports.get("imports", [])
        cfg.custom_imports.imports = [OURS if name == OURS_BEFORE else name for name in imports]
    return cfg


def set_head_name(cfg: Config, name: str) -> None:
    """Name the head; layouts refer to it."""
    cfg[OWN_KEY] = ConfigDict(cfg.get(OWN_KEY, {}), head=name)


def set_anchors(cfg: Config, strides: Sequence[int], anchors: Sequence[Sequence[Sequence[float]]]) -> None:
    """Give the head an explicit anchor list, (w, h) in input pixels per level; their centres stay where they were.

    Raises:
        UserError: not the detector's strides, or not one list per level.
    """
    old = cfg.model.bbox_head.anchor_generator
    own = [int(_pair(stride)[0]) for stride in old.strides]
    if len(anchors) != len(own) or list(strides) != own:
        raise UserError(
            f"anchor set: strides {list(strides)} with anchors for {len(anchors)} levels, "
            f"but the detector has strides {own}; give one list per level"
        )
    centers = {"centers": old.centers} if "centers" in old else {}
    cfg.model.bbox_head.anchor_generator = ConfigDict(
        type="ExplicitAnchorGenerator",
        strides=list(strides),
        anchors=[[[float(w), float(h)] for w, h in level] for level in anchors],
        **centers,
    )


def set_classes(cfg: Config, names: Sequence[str]) -> None:
    """Fit the head and the data sets to these categories, in the order of their ids."""
    cfg.model.bbox_head.num_classes = len(names)
    cfg[OWN_KEY] = ConfigDict(cfg.get(OWN_KEY, {}), classes=list(names))


def set_training_data(cfg: Config, annotations: str | Path, images: str | Path) -> None:
    """Train on this split, passed over in an epoch as often as the config's own training data is."""
    cfg.train_dataloader.dataset = _with_data(cfg, cfg.train_dataloader.dataset, annotations, images, training=True)
    cfg.train_dataloader.sampler = ConfigDict(type="DefaultSampler", shuffle=True)


def set_test_data(cfg: Config, annotations: str | Path, images: str | Path) -> None:
    """Predict on this split."""
    cfg.test_dataloader.dataset = _with_data(cfg, cfg.test_dataloader.dataset, annotations, images, training=False)
    cfg.test_dataloader.sampler = ConfigDict(type="DefaultSampler", shuffle=False)
    cfg.test_dataloader.drop_last = False


def innermost(dataset: ConfigDict) -> ConfigDict:
    """The data set inside those that repeat, mix or join others; of joined ones, the first."""
    while "dataset" in dataset or "datasets" in dataset:
        dataset = dataset.dataset if "dataset" in dataset else dataset.datasets[0]
    return dataset


def _with_data(cfg: Config, old: ConfigDict, annotations: str | Path, images: str | Path, training: bool) -> ConfigDict:
    """A data set like `old` on other data: what repeats or mixes stays, and one split stands for what was joined."""
    if "dataset" in old:
        wrapper = old.copy()
        wrapper.dataset = _with_data(cfg, old.dataset, annotations, images, training)
        return wrapper
    if "datasets" in old:
        return _with_data(cfg, old.datasets[0], annotations, images, training)
    dataset = ConfigDict(
        type="CocoDataset",
        metainfo=dict(classes=tuple(cfg[OWN_KEY]["classes"])),
        ann_file=str(annotations),
        data_prefix=dict(img=str(images)),
        pipeline=old.pipeline,
        test_mode=not training,
    )
    if training:
        dataset.filter_cfg = old.get("filter_cfg") or dict(filter_empty_gt=True, min_size=1)
    return dataset
