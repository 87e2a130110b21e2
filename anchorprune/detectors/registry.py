"""The backends, by name: those of this package, and those that installed packages bring."""

import importlib
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

from anchorprune.detectors.folder import backend_of
from anchorprune.detectors.protocols import Backend, Detector
from anchorprune.errors import UserError

DEFAULT = "mmdet"
# Name -> "module:object"; other packages add theirs as entry points of this group.
OURS = {"mmdet": "anchorprune.detectors.mmdet.backend:BACKEND"}
GROUP = "anchorprune.backends"


def names() -> tuple[str, ...]:
    """Names of the backends there are; ours first. Nothing is imported for it."""
    return tuple(dict.fromkeys([*OURS, *sorted(entry_points(group=GROUP).names)]))


def backend(name: str) -> Backend:
    """The backend of a name.

    Raises:
        UserError: there is none.
    """
    check_known(name, "detector")
    if name in OURS:
        module, _, thing = OURS[name].partition(":")
        return getattr(importlib.import_module(module), thing)
    return entry_points(group=GROUP)[name].load()


def check_known(name: str, where: str) -> None:
    """See that there is a backend of this name; `where` says who asks.

    Raises:
        UserError: there is none.
    """
    if name not in names():
        raise UserError(f"{where}: unknown backend {name!r}; known: {', '.join(names())}")


def backend_at(files: Sequence[Path]) -> Backend:
    """The backend of a detector: that of its folder, or for `CONFIG WEIGHTS` mmdet's; errors as `backend_of`."""
    return backend(DEFAULT if len(files) > 1 else backend_of(files[0]))


def load(files: Sequence[Path], device: str = "auto", threads: int | None = None) -> Detector:
    """Load a detector by its backend; see `Backend.load`."""
    return backend_at(files).load(files, device, threads)


def offered(thing: object, method: str, what: str) -> None:
    """See that a backend or detector can do what not all can.

    Raises:
        UserError: it cannot; `what` says what was wanted.
    """
    if not hasattr(thing, method):
        raise UserError(f"{what}: the backend of this detector does not offer it")
