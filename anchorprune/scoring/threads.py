"""A kernel over blocks of work, one thread each; results never depend on the number of threads."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np


class Threads:
    """A pool of threads; kernels release the interpreter lock.

    Attributes:
        count: number of threads.
    """

    def __init__(self, count: int | None = None):
        from numba import config

        self.count = count or config.NUMBA_NUM_THREADS
        self._pool = ThreadPoolExecutor(self.count) if self.count > 1 else None

    def map(self, function: Callable[..., Any], items: Any) -> list[Any]:
        """`function` of each item, in the items' order."""
        if self._pool is None or len(items) == 1:
            return [function(item) for item in items]
        return list(self._pool.map(function, items))

    def blocks(self, weights: np.ndarray) -> list[tuple[int, int]]:
        """Cut consecutive items into one block per thread, of about equal weight.

        Args:
            weights: (n + 1,) running total of the items' weights, from 0.

        Returns:
            (first, end) of each block, together 0..n.
        """
        goals = np.linspace(weights[0], weights[-1], self.count + 1)
        cuts = np.searchsorted(weights, goals)
        cuts[0], cuts[-1] = 0, len(weights) - 1
        return [(int(a), int(b)) for a, b in itertools.pairwise(cuts)]
