"""Weights files of torchvision: tensors only, read without unpickling code."""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from anchorprune.errors import UserError
from anchorprune.files import whole_file

WEIGHTS = "weights.pth"
_INSIDE = ("model", "state_dict")  # where training scripts put the state dict in their checkpoints


def save_state(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write a state dict as contiguous CPU tensors; the same bytes for the same tensors."""
    stored = io.BytesIO()  # given a path, torch writes the temporary file's name into the file
    torch.save({name: value.detach().cpu().contiguous().clone() for name, value in state.items()}, stored)
    with whole_file(path) as partial:
        partial.write_bytes(stored.getbuffer())


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict, or the one inside a checkpoint; of a folder, its weights.

    Raises:
        UserError: the file is missing, damaged, or holds more than tensors.
    """
    file = path / WEIGHTS if path.is_dir() else path
    if not file.is_file():
        raise UserError(f"{file}: no such weights file; check the path")
    try:
        value = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise UserError(
            f"{file}: holds more than tensors, and unpickling it could run code; save the state dict alone: "
            "torch.save(model.state_dict(), FILE)"
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise UserError(f"{file}: not a readable torch weights file ({str(error).splitlines()[0]})") from None
    for key in _INSIDE:
        if isinstance(value, Mapping) and isinstance(value.get(key), Mapping):
            value = value[key]
    if not isinstance(value, Mapping) or not all(isinstance(v, Tensor) for v in value.values()):
        raise UserError(f"{file}: not a state dict (a mapping of names to tensors)")
    return dict(value)


def load_state(model: nn.Module, state: Mapping[str, Tensor], source: Path) -> None:
    """Load a state dict into a network, every entry of both accounted for.

    Raises:
        UserError: naming the first name that is missing, unknown or of another shape.
    """
    own = model.state_dict()
    for name in [*own, *state]:
        if name not in state:
            wrong = f"{name} is missing"
        elif name not in own:
            wrong = f"{name} is none of the network's"
        elif own[name].shape != state[name].shape:
            wrong = f"{name} is {tuple(state[name].shape)} where the network has {tuple(own[name].shape)}"
        else:
            continue
        raise UserError(f"{source}: these weights do not fit the network: {wrong}; give those of this detector")
    model.load_state_dict(state)
