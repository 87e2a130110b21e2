"""What torchvision detectors need of a machine."""

from collections.abc import Iterator

from anchorprune.errors import UserError
from anchorprune.pipeline.checkup import Finding, is_there, package

_REMEDY = 'pip install "anchorprune[torchvision]" in an environment of its own (docs/torchvision.md)'


def check_torchvision() -> None:
    """See that torch and torchvision are there; neither is imported.

    Raises:
        UserError: naming the one that is not.
    """
    for name in ("torch", "torchvision"):
        if not is_there(name):
            raise UserError(f"{name} is not installed, and detectors of torchvision need it; {_REMEDY}")


def torchvision_findings() -> Iterator[Finding]:
    """Whether torchvision is there, and imports with the torch that there is."""
    yield package("torchvision", "torchvision", _REMEDY)
