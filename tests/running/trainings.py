"""Trainings of mmdet in this process, or in one of several that train together, and their weights compared."""

import logging
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from running.command import ROOT, wait_for


@contextmanager
def torch_put_back() -> Iterator[None]:
    """Afterwards, what a training in this process changes of torch and mmengine is as before."""
    import torch

    yield
    torch.use_deterministic_algorithms(False)
    logging.getLogger("mmengine").handlers.clear()


def same(a, b):
    """Whether two states have equal tensors."""
    import torch

    return all(torch.equal(a[name], b[name]) for name in a)


def killed_parent(words: Iterable[object], output: Path, log: Path) -> list[psutil.Process]:
    """Start a training of several processes, kill the first after a checkpoint, and return the others."""
    command = [sys.executable, "-m", "anchorprune", *map(str, words), "--output", str(output)]
    with log.open("w") as stream:
        parent = subprocess.Popen(command, stdout=stream, stderr=stream, cwd=ROOT)
        wait_for(output / "checkpoints/iter_*.pth", parent, log)
        children = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
        parent.wait()
    return children


def train_one_of_two(text: str, folder: Path) -> None:
    """One of two processes: the training of a config's text, its weights kept for comparison."""
    import torch
    from mmengine.config import Config
    from mmengine.dist import get_rank

    from anchorprune.detectors.mmdet.training.runner import run

    model = run(Config.fromstring(text, ".py"), folder / "checkpoints", 3, 2)
    torch.save(model.state_dict(), folder / f"{get_rank()}.pth")
