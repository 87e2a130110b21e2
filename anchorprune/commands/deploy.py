"""`anchorprune deploy`: a detector as ONNX models."""

import logging
from pathlib import Path
from typing import Any

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import detector_argument, output_option, print_json
from anchorprune.commands.recorded import recorded

LOG = logging.getLogger(__name__)
SplitPath = click.Path(path_type=Path)


@click.command(
    epilog=example(
        "anchorprune deploy {pruned}/retrain-finetune --int8 --calibration {data}/prune.json {data}/images/prune "
        "--annotations {data}/test.json --images {data}/images/test --output {tried}/deployed",
    )
)
@detector_argument
@click.option(
    "--fixed-size",
    is_flag=True,
    help="One input size, also where images keep their ratio; AP differs.",
)
@click.option("--batch", type=click.IntRange(1), help="Images of every run, for runtimes that want it fixed; else any.")
@click.option("--opset", type=int, default=18, show_default=True, help="ONNX opset, 18 to 23.")
@click.option("--int8", is_flag=True, help="Write model-int8.onnx too; needs --calibration.")
@click.option(
    "--calibration", type=SplitPath, nargs=2, metavar="ANNOTATIONS IMAGES", help="Split whose images set int8's ranges."
)
@click.option("--calibration-images", type=click.IntRange(1), default=100, show_default=True, help="Taken from it.")
@click.option("--annotations", type=SplitPath, help="COCO annotation file of a split to measure the models' AP on.")
@click.option("--images", type=SplitPath, help="Folder its file names are relative to.")
@click.option("--ap-images", type=click.IntRange(1), default=500, show_default=True, help="At most, of that split.")
@click.option(
    *("--runtime", "runtimes"),
    type=click.Choice(["openvino", "openvino-f32", "opencv"]),
    multiple=True,
    help="Measure AP in this one too, if installed; openvino computes as it chooses, maybe in bf16; repeatable.",
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of ONNX Runtime and torch.")
@output_option
@recorded
def command(
    detector: tuple[Path, ...],
    fixed_size: bool,
    batch: int | None,
    opset: int,
    int8: bool,
    calibration: tuple[Path, Path] | None,
    calibration_images: int,
    annotations: Path | None,
    images: Path | None,
    ap_images: int,
    runtimes: tuple[str, ...],
    threads: int,
    output: Path,
) -> None:
    """Write model.onnx (images to detections), model-decoded.onnx (every box) and model-raw.onnx (raw outputs).

    DETECTOR is its folder, or mmdet's CONFIG and WEIGHTS.

    Their input `images` is (batch, 3, H, W) float32, plain RGB 0..255, resized; `dets` (batch, K, 5) are x1 y1 x2 y2
    in input pixels and the score, `labels` (batch, K) the classes; where an image has fewer detections, labels are -1.
    Where images keep their ratio (RetinaNet), H and W are each image's own, scaled and padded as mmdet does; if boxes
    are clipped, a second input `sizes` (batch, 2) float32 has the images' width and height without the padding.
    model-decoded.onnx gives `boxes` (batch, M, 4) and `scores` (batch, M, C) for a program's own NMS, such as OpenCV's
    or TensorRT's. The models' metadata say the rest; docs/deploying.md tells of runtimes. With --annotations and
    --images, metrics-onnx.json has the models' AP by ONNX Runtime and its 95 % interval, on --ap-images of the split,
    evenly spread over it.
    """
    if int8 and calibration is None:
        raise click.UsageError("--int8 needs --calibration ANNOTATIONS IMAGES, a split that is not the test split")
    if runtimes and annotations is None:
        raise click.UsageError("--runtime needs --annotations and --images: a split to measure AP on")
    if annotations is not None and (batch or 1) > 1:
        raise click.UsageError("--annotations needs --batch 1 or none: AP is measured one image at a time")
    if (annotations is None) != (images is None):
        raise click.UsageError("--annotations and --images go together")
    from anchorprune.detectors.protocols import Exportable
    from anchorprune.detectors.registry import load, offered
    from anchorprune.provenance import provenance
    from anchorprune.provenance.record import shown

    # Models are exported and measured on the CPU, also where there are GPUs.
    loaded = load(detector, device="cpu", threads=threads)
    offered(loaded, Exportable, "deploy")
    from anchorprune.deploy.onnx.models import save, with_batch
    from anchorprune.deploy.sample import images_of_split

    facts = provenance(weights=_own_name(shown(loaded.source)))
    models = loaded.export(opset, facts, any_size=not fixed_size)
    form = models.metadata.input
    if form.keep_ratio and form.divisor is None:
        LOG.warning(
            f"the models' input is {form.width} x {form.height} for images of every shape; the detector turns it for "
            "upright ones and pads each to a size of its own, so that AP is not quite that of `evaluate`"
        )
    found = {"model": models.end_to_end, "model-decoded": models.decoded, "model-raw": models.raw}
    if int8:
        from anchorprune.deploy.onnx.quantise import quantised

        found["model-int8"] = quantised(models, images_of_split(*calibration, calibration_images))
    if batch is not None:
        found = {name: with_batch(model, batch) for name, model in found.items()}
    save(found, output)
    summary: dict[str, Any] = {"output": str(output), "opset": opset, "models": sorted(found)}
    if annotations is not None:
        from anchorprune.deploy.onnx.accuracy import evaluate
        from anchorprune.deploy.onnx.runtimes import open_models

        others = [open_models(name, models, threads) for name in runtimes]
        whole = {name: output / f"{name}.onnx" for name in found if name not in ("model-decoded", "model-raw")}
        facts = {**facts, "annotations": _own_name(shown(annotations))}
        metrics = evaluate(whole, annotations, images, output, facts, threads, ap_images, others)
        summary["images"] = metrics["images"]
        summary["ap"] = {name: figures["ap"] for name, figures in metrics["models"].items()}
    print_json(summary)


def _own_name(path: str) -> str:
    """How a model names its weights: from the working folder on, or the file alone; models are passed on."""
    return Path(path).name if Path(path).is_absolute() else path
