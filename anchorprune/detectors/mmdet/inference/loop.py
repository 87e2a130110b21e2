"""Running a detector over the images of a split."""

import copy
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from mmdet.registry import DATASETS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from torch.utils.data import DataLoader

from anchorprune.datasets.image_check import decoded_size
from anchorprune.detectors.mmdet.built import BuiltDetector
from anchorprune.detectors.mmdet.config.compose import set_test_data
from anchorprune.errors import UserError
from anchorprune.progress_bar import progress_bar


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
    """Yield the images of a split in batches (`data_preprocessor` output), by ascending id.

    A batch has the detector's `batch_size`, or fewer: its images have one size. Beside a larger one, an image would be
    padded to that one's size, and be detected on otherwise. A progress bar shows on a terminal.

    Raises:
        UserError: an image is missing or damaged.
    """
    cfg: Config = copy.deepcopy(detector.config)
    set_test_data(cfg, annotations, images)
    init_default_scope(cfg.get("default_scope", "mmdet"))
    dataset = _Checked(DATASETS.build(cfg.test_dataloader.dataset))
    size, workers = detector.batch_size, cfg.test_dataloader.num_workers
    loader = DataLoader(dataset, batch_size=size, num_workers=workers, collate_fn=list)
    with torch.no_grad(), progress_bar(total=len(dataset), title=title, unit="image") as bar:
        for items in loader:
            for _, alike in groupby(items, _size):
                batch = list(alike)
                yield detector.model.data_preprocessor(pseudo_collate(batch), False)
                bar.update(len(batch))


def _size(item: Any) -> tuple[int, ...]:
    """(C, H, W) of a prepared image.

    Raises:
        UserError: what the item is, if the image is missing or damaged.
    """
    if isinstance(item, UserError):
        raise item
    return tuple(item["inputs"].shape)
