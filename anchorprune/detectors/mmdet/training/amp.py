"""Mixed precision without a GPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn


@OPTIM_WRAPPERS.register_module()
class CpuAmpOptimWrapper(OptimWrapper):
    """Mixed precision on the CPU: bfloat16, which needs no loss scaling.

    mmengine's own `AmpOptimWrapper` refuses to run without an accelerator.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the model's forward pass in bfloat16 where torch deems it safe."""
        with super().optim_context(model), torch.autocast("cpu", dtype=torch.bfloat16):
            yield
