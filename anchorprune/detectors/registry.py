"""The backends, by name: those of this package, and those that installed packages bring."""

import importlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from inspect import signature
from pathlib import Path

from anchorprune.detectors.folder import NAME, backend_of
from anchorprune.detectors.protocols import Backend, Detector
from anchorprune.errors import UserError, did_you_mean
from anchorprune.pipeline.checkup import Finding

DEFAULT = "mmdet"
# Name -> "module:object"; other packages add theirs as entry points of this group.
OURS = {
    "mmdet": "anchorprune.detectors.mmdet.backend:BACKEND",
    "torchvision": "anchorprune.detectors.torchvision.backend:BACKEND",
    "onnx": "anchorprune.detectors.onnx.backend:BACKEND",
}
GROUP = "anchorprune.backends"


def names() -> tuple[str, ...]:
    """Names of the backends there are; ours first. Nothing is imported for it."""
    return tuple(dict.fromkeys([*OURS, *sorted(entry_points(group=GROUP).names)]))


def backend(name: str, where: str = "detector") -> Backend:
    """The backend of a name; `where` says who asks.

    Raises:
        UserError: there is none, or the package that brings it is broken.
    """
    check_known(name, where)
    if name in OURS:
        module, _, thing = OURS[name].partition(":")
        return getattr(importlib.import_module(module), thing)
    return _loaded(entry_points(group=GROUP)[name])


def check_known(name: str, where: str) -> None:
    """See that there is a backend of this name; `where` says who asks.

    Raises:
        UserError: there is none.
    """
    if name not in names():
        known = f"known: {', '.join(names())}; install the package that brings it, or mend the name"
        raise UserError(f"{where}: unknown backend {name!r}; {known}{did_you_mean(name, names())}")


def backend_at(files: Sequence[Path]) -> Backend:
    """The backend of a detector: that of its folder, or for `CONFIG WEIGHTS` mmdet's; errors as `backend_of`."""
    return backend(DEFAULT if len(files) > 1 else backend_of(files[0]), str(files[0] / NAME))


def load(
    files: Sequence[Path], device: str = "auto", threads: int | None = None, batch_size: int | None = None
) -> Detector:
    """Load a detector by its backend; see `Backend.load`.

    Raises:
        UserError: besides those of `Backend.load`, a `batch_size` is given, and the backend has none.
    """
    chosen = backend_at(files)
    if batch_size is None:
        return chosen.load(files, device, threads)
    if "batch_size" not in signature(chosen.load).parameters:
        raise UserError(f"--batch-size: the backend of {files[0]} takes one image at a time; leave the option out")
    return chosen.load(files, device, threads, batch_size)


def findings(used: Collection[str] = ()) -> Iterator[Finding]:
    """What this machine has of what each backend needs.

    It is required of a backend that is `used`, and of one of which something is installed that no other backend lists;
    of the default one where there is no such backend.
    """
    found: dict[str, Backend] = {}
    for name in names():
        try:
            found[name] = backend(name)
        except UserError as error:
            yield Finding(f"backend {name}", False, str(error))
    listed = Counter(package for one in found.values() for package in one.distributions)
    own = {name: [package for package in one.distributions if listed[package] == 1] for name, one in found.items()}
    ours = [name for name in OURS if name in found]
    needed = {name for name in found if name in used or name not in ours or any(map(_is_installed, own[name]))}
    for name, one in found.items():
        required = name in needed or (name == DEFAULT and needed.isdisjoint(ours))
        yield from (each if required else replace(each, required=False) for each in one.findings())


def _is_installed(distribution: str) -> bool:
    try:
        return bool(version(distribution))
    except PackageNotFoundError:
        return False


def trains(chosen: Backend) -> bool:
    """Whether a backend trains its detectors; one that does not says `trains = False`."""
    return getattr(chosen, "trains", True)


def offers(thing: object, protocol: type) -> bool:
    """Whether a backend or detector can do what not all can: it has the methods that `protocol` adds."""
    return all(hasattr(type(thing), name) for name in vars(protocol) if not name.startswith("_"))


def offered(thing: object, protocol: type, what: str) -> None:
    """See that a backend or detector can do what not all can.

    Raises:
        UserError: it cannot; `what` says what was wanted, and its own `instead`, if it has one, what to do.
    """
    if not offers(thing, protocol):
        instead = getattr(thing, "instead", {}).get(what, "the backend of this detector does not offer it")
        raise UserError(f"{what}: {instead}")


def _loaded(entry: EntryPoint) -> Backend:
    package = f"backend {entry.name!r} of the installed package {entry.dist.name}"
    try:
        found = entry.load()
    except (ImportError, AttributeError) as error:
        raise UserError(f"{package} does not load ({error}); mend or reinstall the package") from None
    if not isinstance(found, Backend):
        raise UserError(f"{package}: {entry.value} lacks members of a backend; see docs/how-to-add.md")
    return found
