"""The batches of an epoch, from any of them on, with random augmentations that do not depend on where one starts.

Without data-loading workers the samples are made in the training's own process, whose random state checkpoints hold.
Workers' states cannot be had, since they are some batches ahead; and mmengine seeds a persistent worker once, so that
its later epochs depend on those before. So a sample that a worker makes has a seed of its own, of the training's seed,
the epoch and the sample's place in it. It travels with the sample's index: to persistent workers too, and to any number
of them alike. (Making an epoch's first batches again and throwing them away would be exact as well, but takes as long
as the training did where loading is what it waits for.)
"""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.registry import DATA_SAMPLERS, DATASETS
from torch.utils.data import BatchSampler, Sampler


def make_resumable(loader: ConfigDict) -> None:
    """Have a config's training data come in `ResumableBatches`; changed in place."""
    seeded = loader.get("num_workers", 0) > 0
    loader.batch_sampler = ConfigDict(
        type="ResumableBatches",
        batches=loader.get("batch_sampler"),
        drop_last=loader.pop("drop_last", False),
        seeded=seeded,
    )
    if seeded:
        loader.dataset = ConfigDict(type="SeededDataset", dataset=loader.dataset)


@DATA_SAMPLERS.register_module()
class ResumableBatches(Sampler):
    """A batch sampler that passes over an epoch's first batches.

    Args:
        sampler: the samples' indices.
        batch_size: samples in a batch.
        batches: config of the batch sampler that groups them; None: as they come.
        drop_last: without `batches`, leave out a last batch that is not full.
        seeded: give each index with its seed, as `SeededDataset` takes it.
    """

    def __init__(
        self,
        sampler: Sampler[int],
        batch_size: int,
        batches: dict[str, Any] | None = None,
        drop_last: bool = False,
        seeded: bool = False,
    ) -> None:
        self.sampler = sampler  # where mmengine sets the epoch
        self.batch_size = batch_size
        self.seeded = seeded
        self.seed = 0  # of the epoch and the process
        self.passed = 0  # batches to pass over
        if batches is None:
            self.batches = BatchSampler(sampler, batch_size, drop_last)
        else:
            self.batches = DATA_SAMPLERS.build(batches, default_args=dict(sampler=sampler, batch_size=batch_size))

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[Any]]:
        for number, batch in enumerate(self.batches):
            if number >= self.passed:
                yield [(index, self._seed(number, i)) for i, index in enumerate(batch)] if self.seeded else batch

    def _seed(self, *place: int) -> int:
        return int(np.random.SeedSequence([self.seed, *place]).generate_state(1)[0])


@DATASETS.register_module()
class SeededDataset:
    """A data set whose samples are asked for by (index, seed); all else is the data set's own.

    Args:
        dataset: its config.
    """

    def __init__(self, dataset: dict[str, Any]) -> None:
        self.__dict__["_dataset"] = DATASETS.build(dataset)

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, drawn: tuple[int, int]) -> Any:
        index, seed = drawn
        random.seed(seed)
        np.random.seed(seed)
        torch.default_generator.manual_seed(seed)
        return self._dataset[index]

    def __getattr__(self, name: str) -> Any:
        if name == "_dataset" or name.startswith("__"):  # the former while it is unpickled
            raise AttributeError(name)
        return getattr(self._dataset, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Hooks that exchange a data set's pipeline mean the data set's own."""
        setattr(self._dataset, name, value)
