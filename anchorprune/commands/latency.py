"""`anchorprune latency`: how long detectors take on this machine, and what their anchors cost."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import FilePath, detector_argument, print_json


@click.command(
    epilog=example(
        "anchorprune latency {base}/train --images {data}/images/test --layout 0.4 {search}/layout-0.4.json "
        "--threads 2 --rounds 5 --output {tried}/latency.json",
    )
)
@detector_argument
@click.option(
    "--images", type=FilePath, required=True, help="Folder of real images: NMS takes what their scores make it."
)
@click.option("--count", type=click.IntRange(1), default=8, show_default=True, help="Images taken from it.")
@click.option(
    "--layout", "layouts", type=(str, FilePath), multiple=True, metavar="NAME FILE", help="A layout too; repeatable."
)
@click.option(
    "--pruned",
    type=(str, FilePath, FilePath),
    multiple=True,
    metavar="NAME CONFIG WEIGHTS",
    help="Another detector too; repeatable.",
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of ONNX Runtime and torch.")
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default="cpu",
    show_default=True,
    help="Of mmdet's own prediction; cuda takes a free GPU, which --provider cuda and tensorrt need too.",
)
@click.option(
    *("--provider", "providers"),
    multiple=True,
    metavar="NAME",
    default=("cpu",),
    show_default=True,
    help="ONNX Runtime's execution provider: cpu, cuda, tensorrt, openvino, ... as installed, or all; repeatable.",
)
@click.option(
    *("--runtime", "runtimes"),
    type=click.Choice(["onnxruntime", "openvino", "openvino-f32", "opencv"]),
    multiple=True,
    help="Time this one too, end to end, if installed; ONNX Runtime is always timed, in parts; repeatable.",
)
@click.option("--rounds", type=click.IntRange(1), default=30, show_default=True, help="Each detector once a round.")
@click.option("--opset", type=int, default=18, show_default=True, help="ONNX opset, 18 to 23.")
@click.option("--torch/--no-torch", "with_torch", default=True, help="Time mmdet's own prediction too.  [default: do]")
@click.option("--cpu-time", is_flag=True, help="Where others use the machine too: time that a core worked; one thread.")
@click.option("--table", is_flag=True, help="Write a latency table for `search --cost latency` instead.")
@click.option("--export-table", type=FilePath, help="Write a folder for another device to measure its table with.")
@click.option("--output", type=FilePath, help="JSON file to write; without --table a Markdown table goes beside it.")
def command(
    detector: tuple[Path, ...], output: Path | None, export_table: Path | None, table: bool, **given: Any
) -> None:
    """Time a detector and pruned ones in ONNX Runtime: backbone and neck, head, decoding and NMS, end to end.

    DETECTOR is its folder, or mmdet's CONFIG and WEIGHTS. One that is an ONNX file (docs/onnx.md) is timed as it is,
    with this program's own decoding and NMS behind it. Detectors take turns, one image a round, so that the machine's
    drift meets all alike; medians and quartiles in milliseconds, and the 95th and 99th percentile of the
    images' own medians (give many images by --count, and at least as many --rounds). With --table: what each level's
    anchors cost on this machine, as a file for the search. With --export-table: a folder with measure_table.py, which
    makes that file on any device with Python, numpy and onnxruntime.
    """
    if (output is None) == (export_table is None):
        raise click.UsageError("give --output FILE or --export-table FOLDER")
    cpu_time = given.pop("cpu_time")
    if cpu_time and given["threads"] != 1:
        raise click.UsageError("--cpu-time needs --threads 1: the work of several cores is no duration")
    given["clock"] = time.process_time if cpu_time else time.perf_counter
    from anchorprune.deploy.sample import images_of_folder
    from anchorprune.detectors.registry import load

    loaded = load(detector, given["device"], given["threads"])
    from anchorprune.detectors.timing import check_timed  # needs onnx; what the detector needs is said first

    check_timed(loaded, table or export_table is not None)
    given["providers"] = _providers(given["providers"], given["device"], table)
    images = images_of_folder(given["images"], given["count"])
    if export_table is not None:
        from anchorprune.detectors.timing import export_table as export

        export(loaded, images, export_table, given["opset"])
        print_json({"output": str(export_table), "head": loaded.head.name})
    elif table:
        print_json(_table(loaded, images, output, given))
    else:
        print_json(_compare(loaded, images, output, given))


def _providers(names: tuple[str, ...], device: str, table: bool) -> list[str]:
    """ONNX Runtime's names of the chosen providers."""
    from anchorprune.deploy.latency.providers import chosen, needs_gpu

    found = chosen(names)
    if device == "cpu" and needs_gpu(names):
        raise click.UsageError("--provider on a GPU needs --device cuda, which takes one")
    if table and len(found) > 1:
        raise click.UsageError("--table is of one --provider")
    return found


def _table(detector: Any, images: list[Path], output: Path, given: dict[str, Any]) -> dict[str, Any]:
    from anchorprune.deploy.latency.table_export import measure_here
    from anchorprune.detectors.timing import export_table
    from anchorprune.files import write_json

    export = partial(export_table, detector, images, opset=given["opset"])
    found = measure_here(export, given["threads"], given["rounds"], given["clock"], given["providers"][0])
    write_json(output, found)
    return found


def _compare(detector: Any, images: list[Path], output: Path, given: dict[str, Any]) -> dict[str, Any]:
    from anchorprune.deploy.latency.speedups import compare
    from anchorprune.detectors.registry import load
    from anchorprune.detectors.timing import timed, timed_layout
    from anchorprune.heads.layout import Layout

    options = {"opset": given["opset"], "natively": given["with_torch"]}
    detectors = [timed("full", detector, **options)]
    detectors += [timed_layout(n, detector, Layout.load(f, detector.head), **options) for n, f in given["layouts"]]
    detectors += [timed(name, load(files, given["device"]), **options) for name, *files in given["pruned"]]
    if len({type(one) for one in detectors}) > 1:
        raise click.UsageError("--pruned: an ONNX file and an exported detector have other parts; use --layout")
    if len({one.name for one in detectors}) < len(detectors):
        raise click.UsageError("--layout and --pruned need names of their own; 'full' is the detector itself")
    times = given["threads"], given["rounds"], given["clock"]
    runtimes = [name for name in dict.fromkeys(given["runtimes"]) if name != "onnxruntime"]
    return compare(detector.head.name, detectors, images, *times, output, given["providers"], given["device"], runtimes)
