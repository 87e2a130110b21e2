"""Everything that it takes to run a finished detector, in one folder: the backend's own files, ours, a model card."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.prepared import read_split
from anchorprune.detectors.protocols import Backend
from anchorprune.detectors.registry import backend_at
from anchorprune.errors import UserError
from anchorprune.files import read_json, whole_file, write_json
from anchorprune.heads.detections import SplitDetections
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.provenance import provenance
from anchorprune.report.card import Card, as_markdown
from anchorprune.report.data.metrics import training_text
from anchorprune.scoring.certainty import certainty

# What may lie in the folder beside the backend's own files, and what it is; in the card's order.
FILES = {
    "layout.json": "the anchors kept, by their number in the full detector",
    "metrics.json": "COCO's figures on the test split, per class too, and the head's cost",
    "model.onnx": "ONNX, from images to detections",
    "model-decoded.onnx": "ONNX, from images to every box and its scores, for a program's own NMS",
    "model-raw.onnx": "ONNX, from images to the head's raw outputs",
    "model-int8.onnx": "ONNX of 8-bit integers, from images to detections",
    "metrics-onnx.json": "COCO's figures of the ONNX models",
}
EXPORTED = ("model.onnx", "model-decoded.onnx", "model-raw.onnx", "model-int8.onnx", "metrics-onnx.json")


@dataclass(frozen=True)
class Publication:
    """What a published folder is made from, beside the detector.

    Attributes:
        layout: its layout's file.
        head: `head.json` of the full detector.
        evaluation: folder that `evaluate` wrote of it.
        full_evaluation: the same of the full detector that was trained as long.
        dataset: `dataset.json`; its test split becomes the test data.
        export: folder that `deploy` wrote of it, if it is to be taken along.
        latency: file that `latency` wrote, with rows `name` and `full`.
        name: title of the model card.
        fact: what the card is to say of its making, `KEY=VALUE` each.
    """

    layout: Path
    head: Path
    evaluation: Path
    full_evaluation: Path
    dataset: Path
    export: Path | None
    latency: Path | None
    name: str
    fact: tuple[str, ...]


def publish(files: Sequence[Path], publication: Publication, output: Path, threads: int | None = None) -> Card:
    """Write the folder of a detector, given by its folder or its files; returns what its model card says.

    `threads` compute its intervals; None: every core.

    Raises:
        UserError: a file is missing or damaged, or does not belong to the detector.
    """
    layout = Layout.load(publication.layout, Head.load(publication.head))
    backend, dataset = backend_at(files), publication.dataset
    test = read_split(dataset, "test")
    card = _card(backend, layout, test.annotations, publication, threads)
    backend.publish(files, dataset.parent / "test.json", test.images, output)
    layout.save(output / "layout.json")
    write_json(output / "metrics.json", card.pruned)
    for file in card.files:
        if file in EXPORTED:
            with whole_file(output / file) as partial:
                shutil.copyfile(publication.export / file, partial)
    with whole_file(output / "README.md") as partial:
        partial.write_text(as_markdown(card), encoding="utf-8")
    return card


def _card(backend: Backend, layout: Layout, truth: Annotations, publication: Publication, threads: int | None) -> Card:
    folders = publication.evaluation, publication.full_evaluation
    found = [SplitDetections.load(folder / "detections.json") for folder in folders]
    pruned, full = (read_json(folder / "metrics.json", "evaluation") for folder in folders)
    export, latency = publication.export, publication.latency
    lacking = [file for file in EXPORTED if not (export and (export / file).is_file())]
    measured = "metrics-onnx.json" not in lacking
    facts = {"trained": training_text(pruned), "the full one trained": training_text(full)}
    return Card(
        name=publication.name,
        layout=layout,
        classes=truth.category_names,
        pruned=pruned,
        full=full,
        certainty=certainty(truth, *found, threads=threads),
        files={file: what for file, what in {**backend.published, **FILES}.items() if file not in lacking},
        usage=backend.usage,
        made=_made(publication.fact, backend.distributions) | {name: text for name, text in facts.items() if text},
        data=read_json(publication.dataset, "data set"),
        onnx=read_json(export / "metrics-onnx.json") if measured else None,
        latency=_latency(latency, publication.name) if latency else (),
    )


def _latency(file: Path, name: str) -> list[tuple[str, float, float]]:
    """What was timed, and milliseconds an image of the pruned detector and the full one."""
    rows = {row["name"]: row for row in read_json(file, "latency file")["detectors"]}
    if not {name, "full"} <= set(rows):
        raise UserError(f"{file}: has rows {', '.join(rows)}; measure with `anchorprune latency --pruned {name} ...`")
    return [
        (f"time per image, {runtime}", *(rows[row][runtime]["end_to_end"]["median"] for row in (name, "full")))
        for runtime in ("onnx", "torch")
        if "end_to_end" in rows[name][runtime]
    ]


def _made(facts: tuple[str, ...], packages: tuple[str, ...]) -> dict[str, str]:
    """What the caller says, then the programs' versions and the commit."""
    said = dict(fact.partition("=")[::2] for fact in facts)
    known = provenance()
    try:
        programs = [f"anchorprune {known['anchorprune']}", *(f"{package} {version(package)}" for package in packages)]
    except PackageNotFoundError as error:
        raise UserError(f"{error.name} is not installed, and the detector needs it; run `make setup`") from None
    return {**said, "commit": known["commit"] or "unknown (no repository)", "programs": ", ".join(programs)}
