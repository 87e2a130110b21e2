"""How a detector's AP differs from that of the unpruned one that was trained as long, and the word for it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from anchorprune.scoring.bootstrap import INTERVAL

NONE = float("nan")
SIZE = "size: "  # before the name of one among classes
SIZES = {"ap_small": "small", "ap_medium": "medium", "ap_large": "large"}
HARDLY = 4  # margins
UNLEARNT = "the unpruned detector has hardly learnt"
GAINS, SAME, LOSES, UNSURE = "gains", "no measurable loss", "loses", "too few images to tell"


@dataclass(frozen=True)
class ApChange:
    """A change of AP and its 95 % interval; NaN where it was not measured.

    Attributes:
        ap: AP less the reference's.
        low: lower end.
        high: upper end.
    """

    ap: float = NONE
    low: float = NONE
    high: float = NONE

    def __str__(self) -> str:
        """For tables: `+0.003 [-0.004, +0.011]`; `-` without a figure."""
        if self.ap != self.ap:
            return "-"
        return f"{self.ap:+.3f}" + (f" [{self.low:+.3f}, {self.high:+.3f}]" if self.low == self.low else "")

    def columns(self, name: str) -> dict[str, float]:
        """As columns of a table: `name`, `name_low`, `name_high`."""
        return {name: self.ap, f"{name}_low": self.low, f"{name}_high": self.high}

    def verdict(self, margin: float, reference: float) -> str:
        """What the interval says, in words; "" without one.

        Args:
            margin: AP; an interval that lies above -margin is no measurable loss.
            reference: AP that the change is from; where it is hardly more than the margin, there is nothing to lose.
        """
        if self.low != self.low:
            return ""
        if reference < HARDLY * margin:
            return UNLEARNT
        if self.low > 0:
            return GAINS
        if self.low > -margin:
            return SAME
        return LOSES if self.high < 0 else UNSURE


def change_of(metrics: Mapping[str, Any], reference: Mapping[str, Any]) -> ApChange:
    """The change of AP that an evaluation states, or, without interval, the difference of both evaluations' APs."""
    stated = metrics.get("change", {}).get("figures", {}).get("ap")
    if stated:
        return _read(stated)
    ap, other = metrics.get("ap", NONE), reference.get("ap", NONE)
    return ApChange(ap - other) if ap >= 0 and other >= 0 else ApChange()


def parts_of(metrics: Mapping[str, Any], reference: Mapping[str, Any]) -> dict[str, ApChange]:
    """Size or class -> its change, the sizes first; without interval where the evaluation states none."""
    stated = metrics.get("change")
    if stated:
        sizes = {SIZE + text: stated["figures"][name] for name, text in SIZES.items() if name in stated["figures"]}
        return {name: _read(value) for name, value in {**sizes, **stated["per_class"]}.items()}
    pairs = {SIZE + text: (metrics.get(name, -1), reference.get(name, -1)) for name, text in SIZES.items()}
    others = reference.get("per_class", {})
    pairs |= {name: (ap, others.get(name, -1)) for name, ap in metrics.get("per_class", {}).items()}
    return {name: ApChange(ap - other) for name, (ap, other) in pairs.items() if ap >= 0 and other >= 0}


def over_seeds(evaluations: Sequence[Mapping[str, Any]]) -> ApChange:
    """The mean change over seeds, with the interval of a hierarchical bootstrap over seeds and images.

    A resample draws as many seeds as there are, with replacement, and of each the change on one and the same draw of
    images (Davison & Hinkley 1997, section 3.8). With few seeds it says too little of how much seeds differ: of two
    or three, the spread is underestimated.

    Args:
        evaluations: a `metrics.json` with its `change` for each seed.
    """
    return interval_over_seeds(
        [change_of(metrics, {}).ap for metrics in evaluations],
        [metrics.get("change", {}).get("resampled") for metrics in evaluations],
    )


def interval_over_seeds(aps: Sequence[float], resampled: Sequence[ArrayLike | None]) -> ApChange:
    """The mean of an AP, or of a change of AP, over seeds, with the interval that `over_seeds` describes.

    Args:
        aps: of each seed, on the images as they are.
        resampled: of each seed (R,), the same on resamples of the images, the same ones for all; None: not known, and
            then there is no interval.
    """
    mean = float(np.mean(aps)) if len(aps) else NONE
    if not len(aps) or any(column is None for column in resampled) or len({len(column) for column in resampled}) > 1:
        return ApChange(mean)
    values = np.array(resampled, float)  # (seeds, R)
    seeds, count = values.shape
    drawn = np.random.default_rng(0).integers(0, seeds, (seeds, count))
    means = np.take_along_axis(values, drawn, 0).mean(0)
    low, high = np.nanpercentile(means, INTERVAL)
    return ApChange(mean, float(low), float(high))


def mean_of(changes: Iterable[ApChange]) -> ApChange:
    """Means of changes and of the ends of their intervals: those of a typical seed."""
    values = np.array([(change.ap, change.low, change.high) for change in changes], float)
    return ApChange(*values.mean(0).tolist()) if len(values) else ApChange()


def optimism(on_prune: ApChange, on_test: ApChange) -> ApChange:
    """By how much a search flatters its choice: the change on the images it saw less that on those it did not.

    The splits share no image, so the variances add; the interval takes both to be symmetric.
    """
    ap = on_prune.ap - on_test.ap
    half = np.hypot(on_prune.high - on_prune.low, on_test.high - on_test.low) / 2
    return ApChange(ap, ap - half, ap + half)


def _read(stated: Mapping[str, float]) -> ApChange:
    return ApChange(stated["change"], stated["low"], stated["high"])
