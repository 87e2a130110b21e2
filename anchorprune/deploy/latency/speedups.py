"""How much faster pruned detectors are: measured, and as a table beside what they save."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from anchorprune.deploy.latency.device import facts
from anchorprune.deploy.latency.measure_table import CPU
from anchorprune.deploy.latency.part_times import Timeable, time_parts
from anchorprune.files import whole_file, write_json

_COST = ("detector", "computes with", "anchors", "head MACs", "saved", "boxes", "saved")
# Columns of times: what is in one, and whether it is compared; of a detector that is exported, and of an ONNX file.
_TIMES = (
    ("backbone + neck", ("features",), False),
    ("head", ("head",), False),
    ("decoding + NMS", ("finish",), False),
    ("head + decoding + NMS", ("head", "finish"), True),
    ("end to end", ("end_to_end",), True),
)
_TIMES_OF_FILE = (
    ("model", ("model",), True),
    ("decoding + NMS", ("finish",), True),
    ("end to end", ("end_to_end",), True),
)
_SPREAD = ("median", "p95", "p99")
_OVER_IMAGES = ("detector", "computes with", *_SPREAD, *(f"{key}, faster" for key in _SPREAD))


def compare(
    head: str,
    detectors: Sequence[Timeable],
    images: Sequence[Path],
    threads: int,
    rounds: int,
    clock: Callable[[], float],
    output: Path,
    providers: Sequence[str] = (CPU,),
    device: str = "cpu",
    runtimes: Sequence[str] = (),
) -> dict[str, Any]:
    """Time detectors in turn; write the times to `output` (JSON) and a Markdown table beside it.

    Args:
        head: name of the first detector's head.
        detectors: the unpruned one first; their names differ, their kind does not.
        images: image files, one a round.
        threads: of ONNX Runtime.
        rounds: that are counted.
        clock: in seconds.
        output: JSON file to write.
        providers: ONNX Runtime's execution providers, by its names.
        device: that the framework's own prediction runs on.
        runtimes: others that are timed end to end, see `time_parts`.

    Returns:
        What it wrote.
    """
    rows = time_parts(detectors, images, threads, rounds, clock, providers, runtimes)
    found = {"version": 1, "head": head, **facts(threads, rounds, len(images), clock)}
    found |= {"torch_device": device, "detectors": rows}
    write_json(output, found)
    with whole_file(output.with_suffix(".md")) as partial:
        partial.write_text(markdown(found))
    return found


def markdown(found: dict[str, Any]) -> str:
    """A table of the medians that `compare` found: speed-ups over the first detector beside MACs and boxes saved."""
    rows = found["detectors"]
    lines = [f"Milliseconds an image, median of {found['rounds']} rounds over {found['images']} images, one image at a"]
    lines += [f"time; {found['runtime']}, {found['threads']} thread(s), {found['device']}, load {found['load']}."]
    if found["clock"] == "process_time":
        lines += ["CPU time, not wall-clock time: the machine was in use."]
    is_file = "model" in rows[0]["onnx"]
    times = _TIMES_OF_FILE if is_file else _TIMES
    columns = [*_COST, *(word for title, _, faster in times for word in [title, *["faster"] * faster])]
    columns += [] if is_file else [f"torch, {found['torch_device']}"]
    lines += ["", f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    for name in rows[0]["providers"]:
        for row in rows:
            cells = [*_costs(row, rows[0], name), *_times(row, rows[0], name, times)]
            cells += [] if is_file else [f"{row['torch']['end_to_end']['median']:.2f}" if row["torch"] else "-"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_over_images(rows)]) + "\n"


def _over_images(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A table of how long one image takes and the slowest do, end to end, in each runtime."""
    number = rows[0]["onnx"]["end_to_end"]["images"]["number"]
    lines = [f"End to end, over {number} images, each image's median: NMS takes what an image's scores make it.", ""]
    lines += [f"| {' | '.join(_OVER_IMAGES)} |", f"|{'---|' * len(_OVER_IMAGES)}"]
    for kind in ("providers", "runtimes"):
        for name in rows[0][kind]:
            found = [row[kind][name]["end_to_end"]["images"] for row in rows]
            for row, own in zip(rows, found, strict=True):
                times = [f"{own[key]:.2f}" for key in _SPREAD]
                faster = [f"{found[0][key] / own[key]:.2f}x" for key in _SPREAD]
                lines.append(f"| {' | '.join([row['name'], name, *times, *faster])} |")
    return lines


def _costs(row: dict[str, Any], full: dict[str, Any], provider: str) -> list[str]:
    cost, before = row["cost"], full["cost"]
    return [
        row["name"],
        provider,
        str(cost["anchors"]),
        f"{cost['macs'] / 1e6:.0f}M",
        f"{1 - cost['macs'] / before['macs']:.0%}",
        str(cost["boxes"]),
        f"{1 - cost['boxes'] / before['boxes']:.0%}",
    ]


def _times(
    row: dict[str, Any], full: dict[str, Any], provider: str, times: Sequence[tuple[str, tuple[str, ...], bool]]
) -> list[str]:
    cells = []
    for _, parts, compared in times:
        own, whole = (sum(of["providers"][provider][part]["median"] for part in parts) for of in (row, full))
        cells += [f"{own:.2f}", *[f"{whole / own:.2f}x"] * compared]
    return cells
