"""Prune the anchors of one-stage object detectors."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("anchorprune")
except PackageNotFoundError:  # running from a source tree that was never installed
    __version__ = "0.0.0"
