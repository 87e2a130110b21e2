"""A machine with GPUs, as far as nvidia-smi says."""

import os
from pathlib import Path

import pytest


def say(folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str, asked: str = "") -> None:
    """Put an nvidia-smi on the path that names GPUs; given `asked`, a condition of the shell's, it fails without it."""
    smi = folder / "bin/nvidia-smi"
    smi.parent.mkdir()
    lines = ["#!/bin/sh", *([f"[ {asked} ] || exit 1"] if asked else []), *(f"echo {name}" for name in names)]
    smi.write_text("\n".join(lines) + "\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{smi.parent}:{os.environ['PATH']}")
