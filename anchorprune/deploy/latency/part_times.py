"""How long detectors take, part by part, in ONNX Runtime and in torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from anchorprune.deploy.latency.measure_table import CPU
from anchorprune.deploy.latency.providers import described
from anchorprune.deploy.latency.rounds import Timing, time_together
from anchorprune.deploy.onnx.images import prepare
from anchorprune.deploy.onnx.models import IMAGES, Models
from anchorprune.deploy.onnx.runtimes import open_models
from anchorprune.deploy.onnx.session import feeds_of, session

Call = Callable[[int], object]
# Parts of a detector that is exported, in the data's order; `end_to_end` is one model, not their sum.
PARTS = ("features", "head", "finish", "end_to_end")
_KNOWN = ("model", *PARTS)


class Timeable(Protocol):
    """A detector to be timed.

    Attributes:
        name: its row in the table.
        cost: the form of `Cost.to_dict`.
    """

    name: str
    cost: dict[str, Any]

    def onnx_calls(self, images: Sequence[Path], threads: int, provider: str) -> tuple[str, dict[str, Call]]:
        """What computes, and the parts' calls in ONNX Runtime; inputs are what the part before makes of the images."""

    def runtime_call(self, runtime: str, images: Sequence[Path], threads: int) -> tuple[str, Call]:
        """What computes, and the call in another runtime, NMS included."""

    def torch_calls(self, images: Sequence[Path]) -> dict[str, Call]:
        """The parts' calls in the detector's own framework, where it has one."""


@dataclass(frozen=True)
class Timed:
    """A detector that is exported; see `Timeable`.

    Attributes:
        name: its row in the table.
        models: its ONNX models.
        cost: the form of `Cost.to_dict`.
        native: the same parts in torch by name; each is given one prepared image, (1, 3, H, W) float32.
    """

    name: str
    models: Models
    cost: dict[str, Any]
    native: dict[str, Callable[[np.ndarray], object]]

    def onnx_calls(self, images: Sequence[Path], threads: int, provider: str) -> tuple[str, dict[str, Call]]:
        models = self.models
        sessions = {part: session(getattr(models, part), threads, provider) for part in PARTS}
        feeds: dict[str, list[dict[str, np.ndarray]]] = {part: [] for part in PARTS}
        for path in images:
            feed = {IMAGES: prepare(path, models.metadata.input).pixels}
            feeds["end_to_end"].append(feed)
            for part, names in (("features", models.feature_names), ("head", models.raw_names), ("finish", [])):
                feeds[part].append(feed)
                if names:
                    feed = dict(zip(names, sessions[part].run(names, feed), strict=True))
        return described(sessions["end_to_end"], provider), {
            part: lambda i, run=run.run, given=feeds[part]: run(None, given[i % len(given)])
            for part, run in sessions.items()
        }

    def runtime_call(self, runtime: str, images: Sequence[Path], threads: int) -> tuple[str, Call]:
        opened = open_models(runtime, self.models, threads)
        feeds = [feeds_of(prepare(path, opened.metadata.input)) for path in images]
        return opened.name, lambda i: opened.run(feeds[i % len(feeds)])

    def torch_calls(self, images: Sequence[Path]) -> dict[str, Call]:
        pixels = [prepare(path, self.models.metadata.input).pixels for path in images]
        return {part: lambda i, run=run: run(pixels[i % len(pixels)]) for part, run in self.native.items()}


def time_parts(
    detectors: Sequence[Timeable],
    images: Sequence[Path],
    threads: int,
    rounds: int,
    clock: Callable[[], float],
    providers: Sequence[str] = (CPU,),
    runtimes: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Time every part of every detector on the same images, one image a round, all detectors in turn.

    Args:
        detectors: to be timed.
        images: image files.
        threads: of ONNX Runtime.
        rounds: that are counted.
        clock: in seconds.
        providers: ONNX Runtime's execution providers, by its names; copying to and from a GPU is part of the time.
        runtimes: others that are timed end to end, by their names in `anchorprune.deploy.onnx.runtimes`.

    Returns:
        For each detector its name, cost, `providers` (name -> part -> median, low, high in milliseconds), and `onnx`,
        the first of these, and `torch` and `runtimes` (by name) in the same form.
    """
    calls: dict[str, Call] = {}
    names = []
    for provider in providers:
        for detector in detectors:
            name, parts = detector.onnx_calls(images, threads, provider)
            calls |= {f"{detector.name}/{name}/{part}": call for part, call in parts.items()}
        names.append(name)
    others: dict[str, list[str]] = {detector.name: [] for detector in detectors}
    for runtime in runtimes:
        for detector in detectors:
            name, call = detector.runtime_call(runtime, images, threads)
            calls[f"{detector.name}/{name}/end_to_end"] = call
            others[detector.name].append(name)
    for detector in detectors:
        for part, call in detector.torch_calls(images).items():
            calls[f"{detector.name}/torch/{part}"] = call
    times = time_together(calls, rounds, "latency", clock, len(images))
    return [
        {
            "name": detector.name,
            "cost": detector.cost,
            "onnx": _of_parts(times, f"{detector.name}/{names[0]}"),
            "providers": {name: _of_parts(times, f"{detector.name}/{name}") for name in names},
            "runtimes": {name: _of_parts(times, f"{detector.name}/{name}") for name in others[detector.name]},
            "torch": _of_parts(times, f"{detector.name}/torch"),
        }
        for detector in detectors
    ]


def _of_parts(times: Mapping[str, Timing], prefix: str) -> dict[str, dict[str, Any]]:
    return {part: times[key].to_dict() for part in _KNOWN if (key := f"{prefix}/{part}") in times}
