"""A photo with the detections of the full and the pruned detector beside each other, and the anchors of each level."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox
from PIL import Image, ImageOps

from anchorprune.files import whole_file
from anchorprune.heads.detections import Detections
from anchorprune.heads.head import Head, Level
from anchorprune.metrics.agreement import shared
from anchorprune.report.figures.style import COLORS, style

SHARED, ALONE = COLORS[0], COLORS[1]
FONT, SMALL = 7, 6.5  # points
WIDTH = 11.0  # inches
DOTS = 160  # per inch
FADED = 0.35  # of the photo under the grids
SAME = 1e-3  # pixels that a kept anchor may differ from the full detector's


@dataclass(frozen=True)
class Side:
    """One detector's half of the picture.

    Attributes:
        title: above it.
        head: its head.
        found: its detections.
    """

    title: str
    head: Head
    found: Detections


def write_comparison(
    photo: Path, full: Side, pruned: Side, classes: Sequence[str], iou: float, output: Path
) -> dict[str, int]:
    """Write a picture of both detectors' detections; those without a partner on the other side are marked.

    Args:
        photo: the image file.
        full: left half.
        pruned: right half.
        classes: names of the labels.
        iou: least overlap of two detections that count as the same.
        output: PNG file to write.

    Returns:
        `full`, `pruned`: detections of each; `shared`: those with a partner.
    """
    with Image.open(photo) as file:
        image = np.asarray(ImageOps.exif_transpose(file).convert("RGB"))
    partners = shared(full.found, pruned.found, iou)
    with style():
        figure = draw_comparison(image, (full, pruned), partners, classes)
        with whole_file(output) as partial:
            figure.savefig(partial, format="png", dpi=DOTS, metadata={"Software": None})
    return {"full": len(partners[0]), "pruned": len(partners[1]), "shared": int(partners[0].sum())}


def draw_comparison(
    image: np.ndarray, sides: tuple[Side, Side], partners: tuple[np.ndarray, np.ndarray], classes: Sequence[str]
) -> Figure:
    """The photo twice with the detections of each side, and a panel per level with its cells and anchors.

    Args:
        image: (H, W, 3) uint8, the photo.
        sides: of the full detector and of the pruned one.
        partners: (n,) bool of each: whether the other side has the detection too.
        classes: names of the labels.
    """
    full, pruned = sides
    figure = Figure(figsize=(WIDTH, _height(image, full)), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=_ratios(image, full))
    for ax, side, has_partner in zip(top.subplots(1, 2), sides, partners, strict=True):
        _draw_side(ax, image, side, has_partner, classes)
    levels = len(full.head.levels)
    for ax, level in zip(bottom.subplots(1, levels, squeeze=False)[0], range(levels), strict=True):
        _draw_level(ax, image, full, pruned, level)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=4, fontsize=8)
    return figure


def _ratios(image: np.ndarray, full: Side) -> tuple[float, float]:
    """Heights of the photos' row and the levels' row, inches."""
    shape = full.found.input_shape
    return WIDTH / 2 * image.shape[0] / image.shape[1] + 0.3, WIDTH / len(full.head.levels) * shape[0] / shape[1] + 0.3


def _height(image: np.ndarray, full: Side) -> float:
    return sum(_ratios(image, full)) + 0.3


def _draw_side(ax: Axes, image: np.ndarray, side: Side, has_partner: np.ndarray, classes: Sequence[str]) -> None:
    ax.imshow(image, interpolation="antialiased")
    ax.set_axis_off()
    alone = int((~has_partner).sum())
    ax.set_title(f"{side.title}: {len(has_partner)} found, {alone} only here", fontsize=9, loc="left")
    placed: list[Bbox] = []
    for i in np.argsort(has_partner, kind="stable")[::-1]:  # the marked ones last, on top
        color, line = (SHARED, "-") if has_partner[i] else (ALONE, "--")
        x1, y1, x2, y2 = side.found.boxes[i]
        width = 1.1 if has_partner[i] else 2.0
        ax.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor="white", linewidth=width + 1.2))
        ax.add_patch(
            Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=color, linewidth=width, linestyle=line)
        )
    for i in np.argsort(has_partner, kind="stable"):  # the marked ones choose their place first
        text = f"{classes[side.found.labels[i]]} {side.found.scores[i]:.2f}"
        _label(ax, image.shape, side.found.boxes[i], text, SHARED if has_partner[i] else ALONE, placed)


def _label(ax: Axes, shape: tuple[int, ...], box: np.ndarray, text: str, color: str, placed: list[Bbox]) -> None:
    """Write a label at the first of a box's corners where no other label is, else at the first."""
    pixel = shape[1] / (WIDTH / 2 * 72)  # image pixels per point
    width, height = (0.58 * len(text) + 0.6) * FONT * pixel, 1.5 * FONT * pixel
    x1, y1, x2, y2 = box
    corners = [(x1, y1 - height), (x1, y1), (x2 - width, y1 - height), (x1, y2), (x2 - width, y2), (x2 - width, y1)]
    places = [(min(max(x, 0), shape[1] - width), min(max(y, 0), shape[0] - height)) for x, y in corners]
    spots = [Bbox.from_bounds(x, y, width, height) for x, y in places]
    spot = next((spot for spot in spots if not any(spot.overlaps(other) for other in placed)), spots[0])
    placed.append(spot)
    ax.text(
        spot.x0 + 2 * pixel,
        (spot.y0 + spot.y1) / 2,
        text,
        ha="left",
        va="center",
        fontsize=FONT,
        color="white",
        bbox={"facecolor": color, "edgecolor": "none", "pad": 1.2, "alpha": 0.9},
        clip_on=True,
    )


def _draw_level(ax: Axes, image: np.ndarray, full: Side, pruned: Side, index: int) -> None:
    """The photo as the network sees it, the level's cells, and at the middle one the anchors kept and removed."""
    height, width = full.found.input_shape
    level = full.head.levels[index]
    kept = _kept(level, pruned.head.levels[index])
    ax.imshow(255 - ((255 - image) * FADED).astype(np.uint8), extent=(0, width, height, 0))
    for axis, size in (("x", width), ("y", height)):
        getattr(ax, f"set_{axis}ticks")(np.arange(0, size + 1, level.stride), [])
    ax.tick_params(length=0)
    ax.spines[:].set(visible=True, color="#b0b0b0", linewidth=0.6)
    ax.grid(color="#707070", alpha=0.35, linewidth=0.4)
    x, y = ((int(size / level.stride / 2) + full.head.center) * level.stride for size in (width, height))
    for stays, (w, h) in sorted(zip(kept, level.anchors, strict=True)):
        line = {"edgecolor": SHARED, "linewidth": 1.4} if stays else {"edgecolor": ALONE, "linewidth": 0.9}
        ax.add_patch(Rectangle((x - w / 2, y - h / 2), w, h, fill=False, linestyle="-" if stays else "--", **line))
    ax.plot([x], [y], "+", color="black", markersize=4, markeredgewidth=0.7)
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    ax.set_aspect("equal")
    ax.set_title(f"stride {level.stride}: {sum(kept)} of {len(kept)} anchors", fontsize=SMALL)


def _kept(full: Level, pruned: Level) -> list[bool]:
    """For each anchor of a level, whether the pruned detector has it."""
    return [any(np.abs(np.subtract(anchor, other)).max() < SAME for other in pruned.anchors) for anchor in full.anchors]


def _legend() -> list[Line2D]:
    return [
        Line2D([], [], color=SHARED, linewidth=1.1, label="found by both"),
        Line2D([], [], color=ALONE, linewidth=2, linestyle="--", label="found by one alone"),
        Line2D([], [], color=SHARED, linewidth=1.4, marker="s", markerfacecolor="none", label="anchor kept"),
        Line2D(
            [],
            [],
            color=ALONE,
            linewidth=0.9,
            linestyle="--",
            marker="s",
            markerfacecolor="none",
            label="anchor removed",
        ),
    ]
