"""mmengine's loop of epochs: gone on with within an epoch, and stopped within one."""

import math
from itertools import islice
from typing import Any

from mmengine.registry import LOOPS
from mmengine.runner import EpochBasedTrainLoop, Runner

from anchorprune.detectors.mmdet.training.random_state import set_random_state


@LOOPS.register_module()
class ResumableTrainLoop(EpochBasedTrainLoop):
    """Train epoch by epoch, also from a checkpoint within one; its batches are `ResumableBatches`.

    The epoch's first batches, which were trained on already, are not made again: the sampler passes over them. Then the
    random numbers go on as they were after the last of them. Without an interruption it is mmengine's loop.
    """

    random_state: dict[str, Any] | None = None  # at the checkpoint that the training goes on from

    def run_epoch(self) -> None:
        """Iterate one epoch, or what is left of it."""
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        done = self._iter - self._epoch * len(self.dataloader)
        self.dataloader.batch_sampler.passed = done
        batches = iter(self.dataloader)  # draws a number, so the state is set after it
        if done and self.random_state is not None:
            set_random_state(self.random_state)
        for i, batch in enumerate(islice(batches, self._max_iters - self._iter), done):
            self.run_iter(i, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1


@LOOPS.register_module()
class CappedTrainLoop(ResumableTrainLoop):
    """Train epoch by epoch and stop after `max_iters` iterations, within an epoch if need be.

    The iterations are the first ones of the training without the limit, learning rates included.

    Args:
        runner: the runner.
        dataloader: the training data, or its config.
        max_iters: iterations after which to stop.
        max_epochs: epochs after which to stop, if that is earlier; None: as many as the iterations need.
        **options: of `EpochBasedTrainLoop`.
    """

    def __init__(
        self, runner: Runner, dataloader: Any, max_iters: int, max_epochs: int | None = None, **options: Any
    ) -> None:
        super().__init__(runner, dataloader, max_epochs or 1, **options)
        needed = math.ceil(max_iters / len(self.dataloader))
        self._max_epochs = min(max_epochs or needed, needed)
        self._max_iters = min(max_iters, self._max_epochs * len(self.dataloader))
