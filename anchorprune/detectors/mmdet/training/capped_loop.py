"""mmengine's loop of epochs with a limit on its iterations."""

import math
from itertools import islice
from typing import Any

from mmengine.registry import LOOPS
from mmengine.runner import EpochBasedTrainLoop, Runner


@LOOPS.register_module()
class CappedTrainLoop(EpochBasedTrainLoop):
    """Train epoch by epoch and stop after `max_iters` iterations, within an epoch if need be.

    The iterations are the first ones of the training without the limit, learning rates included. Checkpoints come at
    the end of each epoch and at the stop, so it resumes as any training does.

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

    def run_epoch(self) -> None:
        """Iterate one epoch, or what the limit leaves of it."""
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        for i, batch in enumerate(islice(self.dataloader, self._max_iters - self._iter)):
            self.run_iter(i, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1
