"""What torchvision detectors need of a machine."""

import importlib.util
from collections.abc import Iterator

from anchorprune.errors import UserError
from anchorprune.pipeline.checkup import Finding, package

_REMEDY = 'pip install "anchorprune[torchvision]" in an environment of its own (docs/torchvision.md)'


def check_torchvision() -> None:
    """See that torch and torchvision are there; neither is imported.

    Raises:
        UserError: naming the one that is not.
    """
    for name in ("torch", "torchvision"):
        try:
            there = importlib.util.find_spec(name) is not None
        except ImportError:  # an import hook may refuse it
            there = False
        if not there:
            raise UserError(f"{name} is not installed, and detectors of torchvision need it; {_REMEDY}")


def torchvision_findings() -> Iterator[Finding]:
    """Whether torchvision is there, and imports with the torch that there is."""
    yield package("torchvision", "torchvision", _REMEDY)
