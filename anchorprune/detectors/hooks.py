"""Training hooks: bit-exact resuming, and a stop when the loss is no number."""

import math
import sys

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner, set_random_seed
from tqdm import tqdm

from anchorprune.errors import UserError


@HOOKS.register_module()
class SeedEpochHook(Hook):
    """Seed Python, NumPy and torch anew before each epoch, from the run's seed and the epoch's number.

    A training that is killed and resumed then goes on exactly as one that was not: checkpoints do not hold the
    state of the random number generators. It also gives each epoch other augmentations with data-loading workers,
    which mmengine seeds alike in every epoch.
    """

    priority = "VERY_HIGH"

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed for the epoch that starts."""
        seed = (runner.seed * 100_003 + runner.epoch) % 2**31
        set_random_seed(seed)
        loader = runner.train_dataloader
        if loader.worker_init_fn is not None:
            loader.worker_init_fn.keywords["seed"] = seed


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
    """A progress bar over the training's epochs, shown on a terminal only."""

    def before_train(self, runner: Runner) -> None:
        """Open the bar, at the epoch a resumed training goes on from."""
        hidden = not sys.stderr.isatty()
        self.bar = tqdm(total=runner.max_epochs, initial=runner.epoch, desc="train", unit="epoch", disable=hidden)

    def after_train_epoch(self, runner: Runner) -> None:
        """One epoch is done."""
        self.bar.update()

    def after_train(self, runner: Runner) -> None:
        """Close the bar."""
        self.bar.close()
