"""Trainings of mmdet in this process, or in one of several that train together, and their weights compared."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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


def train_one_of_two(text: str, folder: Path) -> None:
    """One of two processes: the training of a config's text, its weights kept for comparison."""
    import torch
    from mmengine.config import Config
    from mmengine.dist import get_rank

    from anchorprune.detectors.mmdet.training.runner import run

    model = run(Config.fromstring(text, ".py"), folder / "checkpoints", 3, 2)
    torch.save(model.state_dict(), folder / f"{get_rank()}.pth")
