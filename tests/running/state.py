"""What a command may change of the process it runs in: put back afterwards, so that tests do not depend on their order.

No import of torch or mmengine: whether they are here is the command's business.
"""

import contextlib
import logging
import multiprocessing
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from anchorprune.pipeline import gpus


@contextmanager
def like_a_new_process() -> Iterator[None]:
    """Inside: no log handlers, nothing of mmengine's made yet, torch as after its import. Afterwards: as before."""
    with contextlib.ExitStack() as stack:
        for part in (_environment, _gpus, _numbers, _multiprocessing, _loggers, _torch, _mmengine):
            stack.enter_context(part())
        yield


@contextmanager
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _gpus() -> Iterator[None]:
    """A GPU is lent until its process ends; here until the command does."""
    before = list(gpus._held)
    try:
        yield
    finally:
        for lock in gpus._held[len(before) :]:
            lock.release()
        gpus._held[:] = before


@contextmanager
def _numbers() -> Iterator[None]:
    """Python's and NumPy's random numbers."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


@contextmanager
def _multiprocessing() -> Iterator[None]:
    """mmengine's runner chooses how processes start, and OpenCV's threads."""
    before = multiprocessing.get_start_method(allow_none=True)
    threads = sys.modules["cv2"].getNumThreads() if "cv2" in sys.modules else None
    try:
        yield
    finally:
        multiprocessing.set_start_method(before, force=True)
        if threads is not None:
            sys.modules["cv2"].setNumThreads(threads)


@contextmanager
def _loggers() -> Iterator[None]:
    """`main` gives the root a handler if it has none; some packages give their own loggers some."""
    root = logging.getLogger()
    before = {logger: (list(logger.handlers), logger.level, logger.disabled) for logger in _all_loggers()}
    root.handlers.clear()
    root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger in _all_loggers():
            handlers, level, disabled = before.get(logger, ([], logging.NOTSET, False))
            _close(handler for handler in logger.handlers if handler not in handlers)
            logger.handlers[:] = handlers
            logger.setLevel(level)
            logger.disabled = disabled


def _all_loggers() -> list[logging.Logger]:
    root = logging.getLogger()
    return [root, *(one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger))]


def _close(handlers: Iterator[logging.Handler]) -> None:
    for handler in handlers:
        handler.close()


# Setting of torch -> what reads it, what sets it, and its value after the import of torch
_TORCH: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], None], Any]] = {
    "threads": (lambda t: t.get_num_threads(), lambda t, v: t.set_num_threads(v), 1),  # OMP_NUM_THREADS, see conftest
    "deterministic": (
        lambda t: t.are_deterministic_algorithms_enabled(),
        lambda t, v: t.use_deterministic_algorithms(v),
        False,
    ),
    "cudnn": (
        lambda t: t.backends.cudnn.deterministic,
        lambda t, v: setattr(t.backends.cudnn, "deterministic", v),
        False,
    ),
    "tf32": (lambda t: t.backends.cudnn.allow_tf32, lambda t, v: setattr(t.backends.cudnn, "allow_tf32", v), True),
    "gradients": (lambda t: t.is_grad_enabled(), lambda t, v: t.set_grad_enabled(v), True),
}


@contextmanager
def _torch() -> Iterator[None]:
    """Settings and random numbers, if torch is here."""
    fresh = {name: value for name, (_, _, value) in _TORCH.items()}
    torch = sys.modules.get("torch")
    before = {name: read(torch) for name, (read, _, _) in _TORCH.items()} if torch else fresh
    numbers = torch.get_rng_state() if torch else None
    _set_torch(fresh)
    try:
        yield
    finally:
        _set_torch(before)
        if numbers is not None:
            torch.set_rng_state(numbers)


def _set_torch(values: dict[str, Any]) -> None:
    if torch := sys.modules.get("torch"):
        for name, (_, change, _) in _TORCH.items():
            change(torch, values[name])


@contextmanager
def _mmengine() -> Iterator[None]:
    """The scopes, loggers, message hubs and visualizers that mmengine keeps by name for all of a process."""
    before = {kind: dict(kind._instance_dict) for kind in _managed()}
    for kind in before:
        kind._instance_dict.clear()
    try:
        yield
    finally:
        for kind in _managed():
            for instance in kind._instance_dict.values():
                _close(getattr(instance, "handlers", ()))  # of its logger: a file
            kind._instance_dict.clear()
            kind._instance_dict.update(before.get(kind, {}))


def _managed() -> list[type]:
    """mmengine's classes of things kept by name."""
    if "mmengine.utils.manager" not in sys.modules:
        return []
    found, new = [], [sys.modules["mmengine.utils.manager"].ManagerMixin]
    while new:
        found += new
        new = [kind for parent in new for kind in parent.__subclasses__()]
    return found
