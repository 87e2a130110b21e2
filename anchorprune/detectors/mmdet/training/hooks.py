"""Training hooks: bit-exact resuming, a stop when the loss is no number, progress, speed."""

import logging
import math
import sys
import time

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner, set_random_seed
from tqdm import tqdm

from anchorprune.errors import UserError

LOG = logging.getLogger(__name__)


@HOOKS.register_module()
class SeedEpochHook(Hook):
    """Seed Python, NumPy, torch and the epoch's samples before each epoch, from the run's seed and the epoch's number.

    A training that goes on after an epoch then does so exactly, and each epoch has augmentations of its own also with
    data-loading workers, which mmengine seeds alike in every epoch.
    """

    priority = "VERY_HIGH"

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed for the epoch that starts; processes that train together draw differently."""
        seed = (runner.seed * 100_003 + runner.epoch) % 2**31
        seed = (seed * runner.world_size + runner.rank) % 2**31
        set_random_seed(seed)
        runner.train_dataloader.batch_sampler.seed = seed


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stop the training at the first loss that is NaN or infinite.

    Raises:
        UserError: naming the epoch, the iteration and the remedy.
    """

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Check the iteration's total loss."""
        loss = float(outputs["loss"].detach())
        if not math.isfinite(loss):
            raise UserError(
                f"{runner.work_dir}: the loss is {loss} at epoch {runner.epoch + 1}, iteration {batch_idx + 1}; "
                "lower the learning rate or check the training data"
            )


@HOOKS.register_module()
class ProgressHook(Hook):
    """A progress bar over the training's iterations, shown on a terminal only."""

    def before_train(self, runner: Runner) -> None:
        """Open the bar, at the iteration a resumed training goes on from."""
        hidden = runner.rank > 0 or not sys.stderr.isatty()
        self.bar = tqdm(total=runner.max_iters, initial=runner.iter, desc="train", unit="batch", disable=hidden)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """One iteration is done."""
        self.bar.update()

    def after_train(self, runner: Runner) -> None:
        """Close the bar."""
        self.bar.close()


@HOOKS.register_module()
class SpeedHook(Hook):
    """Log how many images were trained on a second, data loading and checkpoints included, since the (re)start."""

    def before_train(self, runner: Runner) -> None:
        """Start the clock."""
        self.images, self.start = 0, time.perf_counter()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Count the images of all processes."""
        self.images += len(data_batch["inputs"]) * runner.world_size

    def after_train(self, runner: Runner) -> None:
        """Log the speed and the device."""
        cuda = torch.cuda.is_available()
        if cuda:
            torch.cuda.synchronize()
        seconds = time.perf_counter() - self.start
        device = torch.cuda.get_device_name() if cuda else f"CPU, {torch.get_num_threads()} threads"
        per_second = f"{self.images / seconds:.1f} images/s"
        LOG.info("%d images in %.1f s: %s on %d x %s", self.images, seconds, per_second, runner.world_size, device)
