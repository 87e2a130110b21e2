"""A model card: what a pruned detector is, how good it is, what it costs and how it was made, in Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anchorprune.heads.layout import Layout
from anchorprune.report.card_program import ONNX_USE
from anchorprune.report.data.ap_changes import ApChange
from anchorprune.report.data.manifest import MARGIN
from anchorprune.report.tables.results_table import format_macs
from anchorprune.scoring.certainty import Certainty

FIGURES = (
    ("AP", "ap"),
    ("AP at IoU 0.5", "ap50"),
    ("AP at IoU 0.75", "ap75"),
    ("AP small", "ap_small"),
    ("AP medium", "ap_medium"),
    ("AP large", "ap_large"),
)
CARD = """\
# {name}

{kept} of {anchors} anchors of {head}, {classes} classes, input {width} x {height} pixels.

| on {images} test images | this detector | the full one, trained as long |
|---|---|---|
{figures}

{certainty}

## Files

{files}

## Use

{usage}

## How it was made

{made}

Anchors kept on each level: {per_level}. The search saw the prune split alone, the figures are of the test split alone.

## Data

{data}

Classes: {names}.

## Licence

Unknown to the program that wrote this card: it follows from those of the data and of the weights this detector was
made from. State it here before you pass the detector on.
"""


@dataclass(frozen=True)
class Card:
    """What a card says.

    Attributes:
        name: of the pruned detector.
        layout: its anchors among the full head's.
        classes: names of its classes.
        pruned: its `metrics.json`.
        full: the full detector's, which is to have been trained as long.
        certainty: intervals of their APs, pruned first; None where neither found anything.
        files: file name -> what it is.
        usage: how to run it, Markdown; the backend's that made it.
        made: what to say of its making, in order.
        data: the data set's `dataset.json`.
        onnx: `metrics-onnx.json` of its ONNX models, on these images or some of them; None where none was measured.
        latency: what was timed, and milliseconds an image, pruned and full; empty where it was not measured.
    """

    name: str
    layout: Layout
    classes: Sequence[str]
    pruned: Mapping[str, Any]
    full: Mapping[str, Any]
    certainty: Certainty | None
    files: Mapping[str, str]
    usage: str
    made: Mapping[str, Any]
    data: Mapping[str, Any]
    onnx: Mapping[str, Any] | None = None
    latency: Sequence[tuple[str, float, float]] = ()


def as_markdown(card: Card) -> str:
    """The text of a card."""
    head = card.layout.head
    counts = [len(level.anchors) for level in head.levels]
    levels = zip(head.levels, card.layout.anchors_per_level, counts, strict=True)
    return CARD.format(
        name=plain(card.name),
        kept=len(card.layout.kept),
        anchors=head.num_anchors,
        head=plain(head.name),
        classes=len(card.classes),
        width=head.input_size[0],
        height=head.input_size[1],
        images=card.pruned["images"],
        figures="\n".join(_rows(card)),
        certainty=_certainty(card.certainty, card.full["ap"]),
        files="\n".join(f"- `{file}`: {what}" for file, what in card.files.items()),
        usage=card.usage + (ONNX_USE if "model.onnx" in card.files else ""),
        made="\n".join(f"- {plain(key)}: {plain(value)}" for key, value in card.made.items()),
        per_level=", ".join(f"{kept} of {count} (stride {level.stride})" for level, kept, count in levels),
        data=_data(card.data),
        names=", ".join(map(plain, card.classes)),
    )


def _rows(card: Card) -> list[str]:
    rows = [(label, *(_ap(metrics[key]) for metrics in (card.pruned, card.full))) for label, key in FIGURES]
    if card.certainty is not None:
        intervals = [f" ({low:.3f} to {high:.3f})" for low, high in (card.certainty.first, card.certainty.second)]
        rows[0] = (rows[0][0] + ", 95 % interval", rows[0][1] + intervals[0], rows[0][2] + intervals[1])
    if card.onnx is not None:
        rows.append(_onnx_row(card.onnx))
        others = {name: found for name, found in card.onnx["models"].items() if name.startswith("model in ")}
        rows += [(f"AP of model.onnx in {plain(name[9:])}", _ap(found["ap"]), "-") for name, found in others.items()]
    rows += _costs(card.pruned["cost"], card.full["cost"])
    rows += [(what, f"{pruned:.1f} ms", f"{full:.1f} ms") for what, pruned, full in card.latency]
    return [f"| {' | '.join(row)} |" for row in rows]


def _onnx_row(metrics: Mapping[str, Any]) -> tuple[str, str, str]:
    found, images, all_images = metrics["models"]["model"], metrics["images"], metrics.get("split_images")
    label, ap = "AP of model.onnx", _ap(found["ap"])
    if all_images is not None and images < all_images:  # an interval of its own: other images than the rows above
        low, high = found["interval"]
        label, ap = f"{label} on {images} of the images, 95 % interval", f"{ap} ({_ap(low)} to {_ap(high)})"
    return label, ap, "-"


def _costs(pruned: Mapping[str, int], full: Mapping[str, int]) -> list[tuple[str, str, str]]:
    rows = [("MACs of the head", "macs", format_macs), ("boxes before NMS", "boxes", str), ("anchors", "anchors", str)]
    return [(label, f"{form(pruned[k])} ({pruned[k] / full[k]:.0%})", form(full[k])) for label, k, form in rows]


def _ap(value: float) -> str:
    """An AP; COCO's -1 says that nothing of that size is in the data."""
    return "-" if value < 0 else f"{value:.3f}"


def _certainty(found: Certainty | None, reference: float) -> str:
    if found is None:
        return "Neither detector found anything."
    change = found.difference
    word = ApChange(change.ap, change.low, change.high).verdict(MARGIN, reference)
    return (
        f"AP of this detector less the full one's: {change.ap:+.3f}, 95 % interval {change.low:+.3f} to "
        f"{change.high:+.3f} (paired bootstrap over the test images): {word}."
    )


def _data(manifest: Mapping[str, Any]) -> str:
    seed = "" if manifest["seed"] is None else f", splits drawn with seed {manifest['seed']}"
    counts = [f"{name} {entry['image_count']}" for name, entry in manifest["splits"].items()]
    return f"Kind: {plain(manifest['kind'])}{seed}. Images: {', '.join(counts)}."


def plain(text: Any) -> str:
    """Text that means nothing to Markdown or HTML, on one line."""
    escaped = "".join(f"\\{c}" if c in "\\`*_{}[]<>|#&" else c for c in str(text))
    return " ".join(escaped.split())
