"""Timing things against each other: rounds in which each has its turn, so that the machine's drift meets all alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from anchorprune.deploy.latency.measure_table import rounds_of
from anchorprune.progress_bar import progress_bar


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one thing over all rounds.

    Attributes:
        median: of the rounds.
        low: their first quartile.
        high: their third quartile.
        images: `number` of images and, over them, `median`, `p95` and `p99` of each image's own median: NMS takes what
            an image's scores make it.
    """

    median: float
    low: float
    high: float
    images: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """For JSON, to the microsecond."""
        images = {key: round(value, 3) for key, value in self.images.items()}
        return {**{key: round(getattr(self, key), 3) for key in ("median", "low", "high")}, "images": images}


def time_together(
    calls: Mapping[str, Callable[[int], object]], rounds: int, title: str, clock: Callable[[], float], images: int = 1
) -> dict[str, Timing]:
    """Time each call once a round, in turn; a call is given the round's number, to choose its input by.

    Args:
        calls: by name.
        rounds: that are counted, after a few that warm up.
        title: of the progress bar.
        clock: in seconds; see `rounds_of`.
        images: that calls go through, one a round, and then again.
    """
    taken = rounds_of(calls, rounds, lambda numbers: progress(numbers, title), clock)
    return {name: summary(values, images) for name, values in taken.items()}


def progress(numbers: range, title: str) -> tqdm:
    """Rounds, with a bar on a terminal."""
    return progress_bar(numbers, title=title, unit="round")


def summary(values: list[float], images: int) -> Timing:
    """Median and quartiles of the rounds, and how images differ; image i has rounds i, i + `images`, and so on."""
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    own = [float(np.median(values[i::images])) for i in range(min(images, len(values)))]
    middle, p95, p99 = np.quantile(own, (0.5, 0.95, 0.99)).tolist()
    return Timing(median, low, high, {"number": len(own), "median": middle, "p95": p95, "p99": p99})
