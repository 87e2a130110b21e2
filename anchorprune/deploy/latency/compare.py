"""How long detectors take in ONNX Runtime, part by part, and in torch."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.deploy.latency.timing import time_together
from anchorprune.deploy.onnx.images import prepare
from anchorprune.deploy.onnx.models import IMAGES, Models
from anchorprune.deploy.onnx.session import session

Call = Callable[[int], object]
# Names of the parts, in the data's order; `end_to_end` is one model, not their sum.
PARTS = ("features", "head", "finish", "end_to_end")


@dataclass(frozen=True)
class Timed:
    """A detector to be timed.

    Attributes:
        name: its row in the table.
        models: its ONNX models.
        cost: the form of `Cost.to_dict`.
        torch_calls: the same parts in torch by name; each is given one prepared image, (1, 3, H, W) float32.
    """

    name: str
    models: Models
    cost: dict[str, Any]
    torch_calls: dict[str, Callable[[np.ndarray], object]]


def measure(
    detectors: Sequence[Timed],
    images: Sequence[Path],
    threads: int,
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> list[dict[str, Any]]:
    """Time every part of every detector on the same images, one image a round, all detectors in turn.

    Returns:
        For each detector its name, cost, and `onnx` and `torch`: part -> median, low, high in milliseconds.
    """
    calls: dict[str, Call] = {}
    for detector in detectors:
        calls |= {
            f"{detector.name}/onnx/{part}": call for part, call in onnx_calls(detector.models, images, threads).items()
        }
        pixels = [prepare(path, detector.models.metadata.input).pixels for path in images]
        for part, run in detector.torch_calls.items():
            calls[f"{detector.name}/torch/{part}"] = lambda i, run=run, pixels=pixels: run(pixels[i % len(pixels)])
    times = time_together(calls, rounds, "latency", clock)
    return [
        {
            "name": detector.name,
            "cost": detector.cost,
            **{
                runtime: {
                    part: times[key].to_dict()
                    for part in PARTS
                    if (key := f"{detector.name}/{runtime}/{part}") in times
                }
                for runtime in ("onnx", "torch")
            },
        }
        for detector in detectors
    ]


def onnx_calls(models: Models, images: Sequence[Path], threads: int) -> dict[str, Call]:
    """The parts' calls; each part's inputs are what the part before it makes of the images."""
    sessions = {part: session(getattr(models, part), threads) for part in PARTS}
    feeds: dict[str, list[dict[str, np.ndarray]]] = {part: [] for part in PARTS}
    for path in images:
        feed = {IMAGES: prepare(path, models.metadata.input).pixels}
        feeds["end_to_end"].append(feed)
        for part, names in (("features", models.feature_names), ("head", models.raw_names), ("finish", [])):
            feeds[part].append(feed)
            if names:
                feed = dict(zip(names, sessions[part].run(names, feed), strict=True))
    return {
        part: lambda i, run=run.run, given=feeds[part]: run(None, given[i % len(given)])
        for part, run in sessions.items()
    }


def markdown(rows: list[dict[str, Any]], facts: dict[str, Any]) -> str:
    """A table of the medians, with speed-ups over the first row beside its MACs and boxes saved."""
    full = rows[0]
    head = ["detector", "anchors", "head MACs", "saved", "boxes", "saved"]
    head += [
        "backbone + neck",
        "head",
        "decoding + NMS",
        "head + decoding + NMS",
        "faster",
        "end to end",
        "faster",
        "torch",
    ]
    lines = [f"Milliseconds an image, median of {facts['rounds']} rounds over {facts['images']} images, one image at a"]
    lines += [f"time; {facts['runtime']}, {facts['threads']} thread(s), {facts['device']}, load {facts['load']}."]
    lines += (
        ["CPU time, not wall-clock time: the machine was in use.", ""] if facts["clock"] == "process_time" else [""]
    )
    lines += [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        lines.append(f"| {' | '.join(_cells(row, full))} |")
    return "\n".join(lines) + "\n"


def _cells(row: dict[str, Any], full: dict[str, Any]) -> list[str]:
    def took(of: dict[str, Any], *parts: str) -> float:
        return sum(of["onnx"][part]["median"] for part in parts)

    pruned, whole = took(row, "head", "finish"), took(full, "head", "finish")
    cost, before = row["cost"], full["cost"]
    return [
        row["name"],
        str(cost["anchors"]),
        f"{cost['macs'] / 1e6:.0f}M",
        f"{1 - cost['macs'] / before['macs']:.0%}",
        str(cost["boxes"]),
        f"{1 - cost['boxes'] / before['boxes']:.0%}",
        *(f"{took(row, part):.2f}" for part in ("features", "head", "finish")),
        f"{pruned:.2f}",
        f"{whole / pruned:.2f}x",
        f"{took(row, 'end_to_end'):.2f}",
        f"{took(full, 'end_to_end') / took(row, 'end_to_end'):.2f}x",
        f"{row['torch']['end_to_end']['median']:.2f}" if row["torch"] else "-",
    ]
