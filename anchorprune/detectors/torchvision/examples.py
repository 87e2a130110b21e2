"""What a torchvision detector is trained on: a split's images and boxes, cropped, flipped and recoloured by chance."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.unusable import coco_trainable
from anchorprune.detectors.torchvision.inference import read_image

Target = dict[str, Tensor]


class Examples:
    """A split's images with their boxes; those of crowds, and those that cannot be trained on, are left out."""

    def __init__(self, annotations: Path, images: Path, labels: tuple[int, ...]):
        truth = coco_trainable(read_coco(annotations))
        corner, extent = np.split(truth.boxes, 2, axis=1)
        boxes, numbers = np.concatenate([corner, corner + extent], axis=1), np.array(labels)[truth.category_index]
        mine = [(truth.image_index == i) & ~truth.iscrowd for i in range(len(truth.images))]
        self._files = [images / image.file_name for image in truth.images]
        self._boxes = [torch.from_numpy(boxes[rows]).float() for rows in mine]
        self._labels = [torch.from_numpy(numbers[rows]) for rows in mine]
        self._change = v2.Compose(
            [v2.RandomPhotometricDistort(), v2.RandomIoUCrop(), v2.RandomHorizontalFlip(), v2.SanitizeBoundingBoxes()]
        )

    def __len__(self) -> int:
        return len(self._files)

    def batches(self, size: int) -> Iterator[tuple[list[Tensor], list[Target]]]:
        """The images of an epoch in a random order, by torch's generator; no batch of one follows larger ones.

        Batch norm cannot learn from a level of one cell of one image.
        """
        order = torch.randperm(len(self)).tolist()
        for first in range(0, len(order), size):
            chosen = order[first : first + size]
            if len(chosen) > 1 or size == 1 or not first:
                images, targets = zip(*map(self._example, chosen), strict=True)
                yield list(images), list(targets)

    def count(self, size: int) -> int:
        """How many batches an epoch has."""
        whole, rest = divmod(len(self), size)
        return whole + (rest > 1 or not whole)

    def _example(self, index: int) -> tuple[Tensor, Target]:
        image = tv_tensors.Image(read_image(self._files[index]))
        boxes = tv_tensors.BoundingBoxes(self._boxes[index], format="XYXY", canvas_size=tuple(image.shape[-2:]))
        target = {"boxes": v2.functional.clamp_bounding_boxes(boxes), "labels": self._labels[index]}
        image, target = self._change(image, target)
        return image.as_subclass(Tensor), {key: value.as_subclass(Tensor) for key, value in target.items()}
