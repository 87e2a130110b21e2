"""A device that this machine has not, for tests: its tensors' numbers are in this machine's memory.

torch's own `meta` tensors have no numbers, so nothing that depends on them (a threshold, NMS, which anchor fits a box)
runs on them. Here a tensor says that it is on `meta`, has the numbers of a CPU's, and meets only its like: as on a GPU,
an operator that is given tensors of both ends in an error, and NumPy takes none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("meta")
_ATEN = torch.ops.aten
_COPIES = (_ATEN.copy_, _ATEN._to_copy)
# Positions may lie on the CPU, on a GPU too, but not the other way round.
_INDEXING = (_ATEN.index, _ATEN.index_put, _ATEN.index_put_, _ATEN._index_put_impl_)


class Away(torch.Tensor):
    """A tensor that is on `DEVICE`, as far as it says.

    Attributes:
        here: its numbers.
    """

    @staticmethod
    def __new__(cls, here: torch.Tensor) -> "Away":
        made = torch.Tensor._make_wrapper_subclass(
            cls, here.shape, here.stride(), here.storage_offset(), dtype=here.dtype, device=DEVICE
        )
        made.here = here
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, operator, types, args=(), kwargs=None):
        return _run(operator, args, kwargs or {})

    # What torch has for a GPU's tensors, but not for subclasses.

    def tolist(self) -> list:
        return self.here.tolist()

    def new_tensor(self, data: Any, *, dtype: torch.dtype | None = None) -> "Away":
        return torch.tensor(data, dtype=dtype or self.dtype).to(DEVICE)

    def __getitem__(self, index: Any) -> torch.Tensor:
        parts = index if isinstance(index, tuple) else (index,)
        return super().__getitem__(
            tuple(torch.tensor(one, dtype=torch.long) if isinstance(one, list) else one for one in parts)
        )


class _Machine(TorchDispatchMode):
    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        return _run(operator, args, kwargs or {})


class _FromNumbers(TorchFunctionMode):
    """torch makes tensors of Python's numbers on the device itself, past every operator: on `meta`, without numbers."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function in (torch.tensor, torch.as_tensor) and torch.device(kwargs.get("device") or "cpu") == DEVICE:
            return function(*args, **{**kwargs, "device": "cpu"}).to(DEVICE)
        return function(*args, **kwargs)


@contextmanager
def another_device() -> Iterator[torch.device]:
    """Inside, tensors can be made on the device and moved to it."""
    with _Machine(), _FromNumbers():
        yield DEVICE


def _run(operator: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    tensors = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, torch.Tensor)]
    away = [one for one in tensors if isinstance(one, Away)]
    strays = [one for one in tensors if not isinstance(one, Away) and one.ndim > 0]
    if away and strays and not _may_be_mixed(operator.overloadpacket, args):
        raise RuntimeError(f"{operator}: expected all tensors to be on the same device, but found {DEVICE} and cpu")
    if any(one.is_meta for one in strays):
        raise NotImplementedError(f"{operator}: made on {DEVICE} by torch itself, so without numbers")
    asked = kwargs.get("device")
    if asked is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    result = operator(*_here(args), **_here(kwargs))
    goes = torch.device(asked).type == DEVICE.type if asked is not None else bool(away)
    if operator.overloadpacket is _ATEN.copy_:
        goes = isinstance(args[0], Away)
    known = {id(one.here): one for one in away}  # an operator in place gives back the tensor that it was given

    def there(one: Any) -> Any:
        if not goes or not isinstance(one, torch.Tensor):
            return one
        return known[id(one)] if id(one) in known else Away(one)

    return tree_map(there, result)


def _may_be_mixed(operator: Any, args: tuple) -> bool:
    return operator in _COPIES or (operator in _INDEXING and isinstance(args[0], Away))


def _here(value: Any) -> Any:
    return tree_map(lambda one: one.here if isinstance(one, Away) else one, value)
