"""A detector that is an ONNX file: timed as it is, with the program's own decoding and NMS behind it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from anchorprune.deploy.latency.part_times import Call
from anchorprune.deploy.latency.providers import described
from anchorprune.deploy.onnx.runtimes import open_graph
from anchorprune.deploy.onnx.session import session


@dataclass(frozen=True)
class TimedFile:
    """One to be timed; see `part_times.Timeable`.

    Its parts are `model`, the graph, and `finish`, decoding and NMS in NumPy; `end_to_end` is one after the other.

    Attributes:
        name: its row in the table.
        cost: the form of `Cost.to_dict`.
        model: the graph.
        outputs: those that are read.
        fit: from an image file to what the two below take.
        feeds: from that to the graph's inputs.
        finish: from that, and the outputs, to detections.
    """

    name: str
    cost: dict[str, Any]
    model: onnx.ModelProto
    outputs: list[str]
    fit: Callable[[Path], Any]
    feeds: Callable[[Any], dict[str, np.ndarray]]
    finish: Callable[[Any, Sequence[np.ndarray]], object]

    def onnx_calls(self, images: Sequence[Path], threads: int, provider: str) -> tuple[str, dict[str, Call]]:
        graph, fitted = session(self.model, threads, provider), [self.fit(path) for path in images]
        feeds = [self.feeds(image) for image in fitted]
        given = [graph.run(self.outputs, feed) for feed in feeds]
        count = len(images)

        def run(i: int) -> list[np.ndarray]:
            return graph.run(self.outputs, feeds[i % count])

        return described(graph, provider), {
            "model": run,
            "finish": lambda i: self.finish(fitted[i % count], given[i % count]),
            "end_to_end": lambda i: self.finish(fitted[i % count], run(i)),
        }

    def runtime_call(self, runtime: str, images: Sequence[Path], threads: int) -> tuple[str, Call]:
        name, run = open_graph(runtime, self.model, self.outputs, threads)
        fitted = [self.fit(path) for path in images]
        feeds = [self.feeds(image) for image in fitted]
        return name, lambda i: self.finish(fitted[i % len(fitted)], run(feeds[i % len(feeds)]))

    def torch_calls(self, images: Sequence[Path]) -> dict[str, Call]:
        return {}
