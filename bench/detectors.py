"""The detectors that the engine is measured on: their heads, their post-processing, how many candidates they give."""

from dataclasses import dataclass

from anchorprune.heads.head import Head, Level
from anchorprune.heads.predictions import Postprocess
from bench.simulate import CATEGORIES, CLOUD, POSTPROCESS, ssd300


@dataclass(frozen=True)
class Simulated:
    """A detector to simulate.

    Attributes:
        head: its head.
        postprocess: as mmdet's own configuration has it.
        cloud: candidates round an object, on average, before the score threshold; see `bench.simulate`.
    """

    head: Head
    postprocess: Postprocess
    cloud: float


def overanchorized() -> Head:
    """SSD300's head with each anchor in three sizes: 90 anchors."""
    levels = []
    for level in ssd300().levels:
        anchors = tuple((w * f, h * f) for w, h in level.anchors for f in (0.8, 1.0, 1.25))
        levels.append(Level(level.stride, level.grid, level.macs_fixed, level.macs_per_anchor, anchors))
    return Head("ssd300-overanchorized-simulated", (300, 300), CATEGORIES, tuple(levels))


def retinanet() -> Head:
    """RetinaNet's head at 1333x800: 45 anchors."""
    levels = []
    for stride in (8, 16, 32, 64, 128):
        sides = [4 * stride * 2 ** (i / 3) for i in range(3)]
        anchors = tuple((side / r**0.5, side * r**0.5) for r in (0.5, 1.0, 2.0) for side in sides)
        rows, columns = -(-800 // stride), -(-1333 // stride)
        levels.append(Level(stride, (rows, columns), 0, rows * columns * 9 * 256 * (CATEGORIES + 4), anchors))
    return Head("retinanet-simulated", (1333, 800), CATEGORIES, tuple(levels))


DETECTORS = {
    "ssd300": lambda: Simulated(ssd300(), POSTPROCESS, CLOUD),
    "ssd300-overanchorized": lambda: Simulated(overanchorized(), POSTPROCESS, 3 * CLOUD),
    "retinanet": lambda: Simulated(retinanet(), Postprocess(0.05, 0.5, 1000, 100, 0, False), 9 * CLOUD),
}
