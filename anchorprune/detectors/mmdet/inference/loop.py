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

from anchorprune.datasets.image_check import decoded_size
from anchorprune.detectors.mmdet.built import BuiltDetector
from anchorprune.detectors.mmdet.config.compose import set_test_data
from anchorprune.errors import UserError


class _Checked:
    """A data set's items in the order of their images' ids; what is wrong with an image is its item.

    An error that a loading process raises would reach the main one as a text with that process's traceback in it.
    """

    def __init__(self, dataset: Any):
        self._dataset = dataset
        self._order = sorted(range(len(dataset)), key=lambda i: dataset.get_data_info(i)["img_id"])

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, place: int) -> Any:
        path = self._dataset.get_data_info(self._order[place])["img_path"]
        try:
            decoded_size(Path(path))  # OpenCV fills what a cut file lacks with grey, and says nothing
            return self._dataset[self._order[place]]
        except UserError as error:
            return error
        except Exception as error:  # of a step of the config's own
            return UserError(
                f"{path}: the config's test pipeline fails on this image ({type(error).__name__}: {error})"
            )


def prepared_images(detector: BuiltDetector, annotations: Path, images: Path, title: str) -> Iterator[dict[str, Any]]:
    """Yield each image of a split as a batch of its own (`data_preprocessor` output), by ascending id.

    In a batch of several, an image would be padded to its neighbours' size, and be detected on otherwise. A progress
    bar shows on a terminal.

    Raises:
        UserError: an image is missing or damaged.
    """
    cfg: Config = copy.deepcopy(detector.config)
    set_test_data(cfg, annotations, images)
    init_default_scope(cfg.get("default_scope", "mmdet"))
    dataset = _Checked(DATASETS.build(cfg.test_dataloader.dataset))
    loader = DataLoader(dataset, batch_size=1, num_workers=cfg.test_dataloader.num_workers, collate_fn=list)
    with torch.no_grad():
        for items in tqdm(loader, desc=title, unit="image", disable=not sys.stderr.isatty()):
            if isinstance(items[0], UserError):
                raise items[0]
            yield detector.model.data_preprocessor(pseudo_collate(items), False)
