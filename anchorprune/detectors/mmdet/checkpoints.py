"""Checkpoints of other programs: mmdet 2.x and 3.x files, and those of the paper's SSD300."""

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from anchorprune.detectors.mmdet.families.family import Family
from anchorprune.detectors.mmdet.families.registry import family_of
from anchorprune.detectors.mmdet.weights import load_into, read_weights
from anchorprune.heads.slicing import slice_state


class _Ignored:
    """Stands for mmengine's record of logged losses; its content is not looked at."""


def _no_method(owner: Any, name: str) -> None:
    """Stands for the `getattr` by which that record names its statistics; looks nothing up."""


# What mmengine's checkpoints hold beside tensors: arrays, numbers and the record of the losses. Making these runs no
# code of the file's choosing.
_HARMLESS = [
    (_Ignored, "mmengine.logging.history_buffer.HistoryBuffer"),
    (_no_method, "builtins.getattr"),
    deque,
    np.ndarray,
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")),
    *(
        (getattr(np._core.multiarray, name), f"{module}.multiarray.{name}")
        for name in ("_reconstruct", "scalar")
        for module in ("numpy.core", "numpy._core")
    ),
]


def read_checkpoint(path: str | Path) -> dict[str, Tensor]:
    """Read the state dict of a checkpoint with torch's tensors-only loader.

    What mmengine logs into its checkpoints is let through beside tensors; anything else is refused.

    Raises:
        UserError: the file is missing, damaged, or holds more than that.
    """
    with torch.serialization.safe_globals(_HARMLESS):
        return read_weights(path)


def load_checkpoint(
    model: nn.Module, state: Mapping[str, Tensor], source: str | Path, order: Sequence[Sequence[int]] | None = None
) -> None:
    """Load a checkpoint's state dict into a model, under the names of any mmdet since 2.0.

    Args:
        model: the detector to load into.
        state: the checkpoint's tensors.
        source: names the file in errors.
        order: for each level, the position in the checkpoint of each of the model's anchors; None: the same order.

    Raises:
        UserError: naming the first keys that do not fit.
    """
    state = renamed(state, model)
    if order is not None:
        state = slice_state(state, family_of(model.bbox_head).anchor_slices(model.bbox_head, order))
    load_into(model, state, source)


def renamed(state: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """A state dict under a detector's own names, where a renaming that its family knows leads to one; others stay.

    Batch norms' counters, which old files lack and nothing reads at test time, come from the model.
    """
    family, own = family_of(model.bbox_head), model.state_dict()
    result = {_own_name(name, family, own): value for name, value in state.items()}
    counters = {name: value for name, value in own.items() if name.endswith(".num_batches_tracked")}
    return counters | result


def _own_name(name: str, family: Family, own: Mapping[str, Tensor]) -> str:
    bare = name.removeprefix("module.")  # DistributedDataParallel's
    return next((candidate for candidate in (bare, *family.later_names(bare)) if candidate in own), name)
