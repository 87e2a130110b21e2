"""When a training writes checkpoints, and what its processes must go on with."""

import time
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_gather_object, broadcast, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from anchorprune.detectors.mmdet.training.checkpoint_files import whole_checkpoint
from anchorprune.detectors.mmdet.training.loops import ResumableTrainLoop
from anchorprune.detectors.mmdet.training.random_state import random_state

_SECONDS = 600.0  # between checkpoints, if the epoch does not end earlier


@HOOKS.register_module()
class WholeCheckpointHook(Hook):
    """Write a checkpoint after each epoch, and within an epoch every ten minutes.

    mmengine's own hook removes the last checkpoint before it writes the next one, writes that in place, and holds
    neither random states nor the batch norms' statistics of any process but the first.
    """

    priority = "VERY_LOW"  # after the iteration's learning rates are set

    def before_train(self, runner: Runner) -> None:
        """Start the clock."""
        self.written = time.monotonic()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Write one if it is time and the epoch goes on."""
        ends = self.end_of_epoch(runner.train_dataloader, batch_idx) or self.is_last_train_iter(runner)
        if not ends and isinstance(runner.train_loop, ResumableTrainLoop) and self._is_due():
            self._write(runner, runner.epoch, runner.iter + 1)

    def after_train_epoch(self, runner: Runner) -> None:
        """Write one that goes on with the next epoch."""
        self._write(runner, runner.epoch + 1, runner.iter)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Add what each process must go on with."""
        checkpoint["processes"] = self.processes

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Take what is this process's; weights that a training starts from have nothing of the kind."""
        if "processes" in checkpoint:
            own = checkpoint.pop("processes")[runner.rank]
            checkpoint["state_dict"].update(own["buffers"])
            runner.train_loop.random_state = own["random"]

    def _is_due(self) -> bool:
        """Whether enough time has passed, by the clock of the first process."""
        due = torch.tensor(int(time.monotonic() - self.written >= _SECONDS))
        broadcast(due)
        return bool(due)

    def _write(self, runner: Runner, epoch: int, iteration: int) -> None:
        """Write a checkpoint, but not while gradients are added up over iterations: it could not hold them."""
        if not runner.optim_wrapper.should_update():
            return
        self.processes = all_gather_object({"random": random_state(), "buffers": _buffers(runner)})
        if is_main_process():
            folder = Path(runner.work_dir)
            with whole_checkpoint(folder, iteration) as partial:
                runner.save_checkpoint(str(folder), partial.name, meta=dict(epoch=epoch, iter=iteration))
        self.processes = None
        self.written = time.monotonic()


def _buffers(runner: Runner) -> dict[str, torch.Tensor]:
    """A process's own statistics of batch norms; those of the only one are with the weights."""
    if not is_model_wrapper(runner.model):
        return {}
    model = runner.model.module
    names = {name for name, _ in model.named_buffers()}
    return {name: value.cpu() for name, value in model.state_dict().items() if name in names}
