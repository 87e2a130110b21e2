"""How much faster pruned detectors are: measured, and as a table beside what they save."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from anchorprune.deploy.latency.device import facts
from anchorprune.deploy.latency.measure_table import CPU
from anchorprune.deploy.latency.part_times import Timed, time_parts
from anchorprune.files import whole_file, write_json

_COLUMNS = (
    *("detector", "computes with", "anchors", "head MACs", "saved", "boxes", "saved"),
    *("backbone + neck", "head", "decoding + NMS", "head + decoding + NMS", "faster", "end to end", "faster", "torch"),
)
_SPREAD = ("median", "p95", "p99")
_OVER_IMAGES = ("detector", "computes with", *_SPREAD, *(f"{key}, faster" for key in _SPREAD))


def compare(
    head: str,
    detectors: Sequence[Timed],
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
        detectors: the unpruned one first; their names differ.
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
    lines += ["", f"| {' | '.join(_COLUMNS)}, {found['torch_device']} |", f"|{'---|' * len(_COLUMNS)}"]
    for name in rows[0]["providers"]:
        lines += [f"| {' | '.join(_cells(row, rows[0], name))} |" for row in rows]
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


def _cells(row: dict[str, Any], full: dict[str, Any], provider: str) -> list[str]:
    def took(of: dict[str, Any], *parts: str) -> float:
        return sum(of["providers"][provider][part]["median"] for part in parts)

    pruned, whole = took(row, "head", "finish"), took(full, "head", "finish")
    cost, before = row["cost"], full["cost"]
    return [
        row["name"],
        provider,
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
