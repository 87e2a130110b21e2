"""Anchor dropout in mmengine's training loop, alike for every head."""

from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from anchorprune.detectors.anchor_dropout import AnchorDropout
from anchorprune.detectors.mmdet.families.registry import family_of
from anchorprune.detectors.mmdet.training.subset_loss import mean_loss, subset_head, subset_outputs


@HOOKS.register_module()
class AnchorDropoutHook(Hook):
    """While it trains, the head's loss is the mean of its own over all anchors and over subsets of them.

    The loss over a subset is the head's own too, with targets assigned anew to the subset's anchors: an object whose
    best anchor is gone falls to one that is left. Processes that train together draw the same subsets.

    Args:
        settings: as `AnchorDropout.of` takes them.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.dropout = AnchorDropout.of(settings)

    def before_train(self, runner: Runner) -> None:
        """Put the mean in the place of the head's loss."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self.head = model.bbox_head
        own, count = self.head.loss_by_feat, len(family_of(self.head).outputs)
        counts = self.head.prior_generator.num_base_priors

        def loss_by_feat(*inputs: Any, **named: Any) -> dict[str, Any]:
            outputs, truth = inputs[:count], inputs[count:]
            whole = own(*inputs, **named)
            kept = self.dropout.subsets_at(counts, runner.seed, runner.iter, runner.max_iters)
            parts = [
                subset_head(self.head, each).loss_by_feat(*subset_outputs(self.head, outputs, each), *truth, **named)
                for each in kept
            ]
            return mean_loss(whole, parts) if parts else whole

        self.head.loss_by_feat = loss_by_feat

    def after_train(self, runner: Runner) -> None:
        """Give the head its own loss back."""
        del self.head.loss_by_feat
