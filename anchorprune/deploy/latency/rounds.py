"""Timing things against each other: rounds in which each has its turn, so that the machine's drift meets all alike."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

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
    """

    median: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """For JSON, to the microsecond."""
        return {key: round(value, 3) for key, value in asdict(self).items()}


def time_together(
    calls: Mapping[str, Callable[[int], object]], rounds: int, title: str, clock: Callable[[], float]
) -> dict[str, Timing]:
    """Time each call once a round, in turn; a call is given the round's number, to choose its input by.

    Args:
        calls: by name.
        rounds: that are counted, after a few that warm up.
        title: of the progress bar.
        clock: in seconds; see `rounds_of`.
    """
    taken = rounds_of(calls, rounds, lambda numbers: progress(numbers, title), clock)
    return {name: summary(values) for name, values in taken.items()}


def progress(numbers: range, title: str) -> tqdm:
    """Rounds, with a bar on a terminal."""
    return progress_bar(numbers, title=title, unit="round")


def summary(values: list[float]) -> Timing:
    """Median and quartiles."""
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    return Timing(median, low, high)
