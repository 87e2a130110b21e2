"""Weights files: tensors only, read without unpickling code."""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from anchorprune.detectors.mmdet.given_files import refuse_other_files
from anchorprune.errors import UserError
from anchorprune.files import whole_file


def save_weights(path: str | Path, state: Mapping[str, Tensor]) -> None:
    """Write a state dict as plain contiguous CPU tensors; the same bytes for the same tensors."""
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    # Through memory: given a path, torch writes the temporary file's name into the file; given an open file, it says
    # something else where the disk is full.
    whole = io.BytesIO()
    torch.save(plain, whole)
    with whole_file(path) as partial:
        partial.write_bytes(whole.getbuffer())


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Read a state dict, or the one inside a checkpoint, with torch's tensors-only loader.

    Raises:
        UserError: the file is missing, damaged, or holds more than tensors.
    """
    if not Path(path).is_file():
        raise UserError(f"{path}: no such weights file; check the path")
    try:
        refuse_other_files(path)
        value = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise UserError(
            f"{path}: holds more than tensors, and unpickling it could run code; publish its state dict alone: "
            "torch.save(torch.load(FILE, weights_only=False)['state_dict'], NEW_FILE), if you trust its source"
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise UserError(f"{path}: not a readable torch weights file ({str(error).splitlines()[0]})") from None
    if isinstance(value, Mapping) and "state_dict" in value:
        value = value["state_dict"]
    if not isinstance(value, Mapping) or not all(isinstance(v, Tensor) for v in value.values()):
        raise UserError(f"{path}: not a state dict (a mapping of names to tensors)")
    return dict(value)


def load_into(model: nn.Module, state: Mapping[str, Tensor], source: str | Path) -> None:
    """Load a state dict into a model, every entry of both accounted for.

    Raises:
        UserError: naming the first keys that are missing, unknown or of another shape.
    """
    own = model.state_dict()
    missing = [name for name in own if name not in state]
    unknown = [name for name in state if name not in own]
    differing = [
        f"{name} {tuple(state[name].shape)} where the model has {tuple(value.shape)}"
        for name, value in own.items()
        if name in state and state[name].shape != value.shape
    ]
    problems = [
        f"{word} {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        for word, names in (("missing", missing), ("unknown", unknown), ("of another shape", differing))
        if names
    ]
    if problems:
        raise UserError(f"{source}: these weights do not fit the config: {'; '.join(problems)}")
    model.load_state_dict(state)
