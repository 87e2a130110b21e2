"""Running a detector over the images of a split, one image at a time."""

import copy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmdet.registry import DATASETS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from torch.utils.data import DataLoader
from tqdm import tqdm

from anchorprune.detectors.mmdet.built import BuiltDetector
from anchorprune.detectors.mmdet.config.compose import set_test_data
from anchorprune.errors import UserError


def batches(
    detector: BuiltDetector, annotations: Path, images: Path, batch_size: int, title: str
) -> Iterator[list[Any]]:
    """Yield preprocessed batches (`data_preprocessor` output) over a split, with a progress bar on a terminal.

    Raises:
        UserError: an image is missing or cannot be decoded.
    """
    cfg: Config = copy.deepcopy(detector.config)
    set_test_data(cfg, annotations, images)
    init_default_scope(cfg.get("default_scope", "mmdet"))
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    loader = DataLoader(
        dataset, batch_size=batch_size, num_workers=cfg.test_dataloader.num_workers, collate_fn=pseudo_collate
    )
    bar = tqdm(total=len(dataset), desc=title, unit="image", disable=not sys.stderr.isatty())
    stream = iter(loader)
    with torch.no_grad(), bar:
        while True:
            try:
                batch = next(stream, None)
            except FileNotFoundError as error:
                raise UserError(f"{error.filename or error}: image is missing; restore it or its split") from None
            if batch is None:
                return
            yield detector.model.data_preprocessor(batch, False)
            bar.update(len(batch["inputs"]))
