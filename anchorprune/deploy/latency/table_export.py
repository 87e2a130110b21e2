"""The folder that `measure_table.py` measures: a level's convolutions with n anchors, decoding and NMS of layouts."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxscript import ir

from anchorprune.deploy.latency import measure_table
from anchorprune.deploy.latency.head_part import head_part
from anchorprune.deploy.latency.rounds import progress
from anchorprune.deploy.onnx.coding import Coding
from anchorprune.deploy.onnx.finish import finish
from anchorprune.deploy.onnx.graph import model_of, new_graph
from anchorprune.deploy.onnx.images import prepare
from anchorprune.deploy.onnx.levels import LevelOutputs
from anchorprune.deploy.onnx.models import IMAGES, Models, save
from anchorprune.deploy.onnx.session import session
from anchorprune.errors import UserError
from anchorprune.files import whole_file, write_json
from anchorprune.heads.predictions import Postprocess

MOST_COUNTS = 6  # of a level's anchors that are measured; those between are interpolated
RANDOM_LAYOUTS = 24  # decoding and NMS are measured on, beside the full one and each level's own


def export_table(
    models: Models, levels: list[LevelOutputs], coding: Coding, post: Postprocess, images: Sequence[Path], folder: Path
) -> None:
    """Write the folder: models, inputs made of real images, `manifest.json`, and `measure_table.py` itself.

    Args:
        models: of the full detector.
        levels: its levels, all with anchors.
        coding: of its raw outputs.
        post: its post-processing.
        images: image files; NMS takes as long as the scores on them make it.
        folder: to write.

    Raises:
        UserError: a level has no anchors, or its outputs are not made by plain convolutions.
    """
    if len(levels) != len(models.metadata.head["levels"]):
        raise UserError("latency table: a level of this detector has no anchors; measure the full detector")
    cases = _layouts([level.anchors for level in levels])
    found = {"empty": _empty(models.opset)}
    for number, level in enumerate(levels):
        for count in _counts(level):
            found[_head(number, count)] = head_part(models, number, level, coding, count)
    for number, kept in enumerate(cases):
        chosen = [level.only(anchors) for level, anchors in zip(levels, kept, strict=True) if anchors]
        found[_finish(number)] = finish(chosen, coding, post, models.opset)
    for model in found.values():
        model.ir_version = models.whole.ir_version  # the file format that torch writes, which older runtimes read too
    save(found, folder)
    with whole_file(folder / "inputs.npz") as file:
        np.savez(file, **_inputs(models, images))
    shutil.copyfile(measure_table.__file__, folder / "measure_table.py")
    manifest = {
        "version": measure_table.VERSION,
        "head": models.metadata.head["name"],
        "images": len(images),
        "nms_pre": post.nms_pre if post.nms_pre_per == "level" else None,
        **_described(levels, coding),
        "finish": [{"kept": kept, "model": f"{_finish(number)}.onnx"} for number, kept in enumerate(cases)],
    }
    write_json(folder / "manifest.json", manifest)


def measure_here(
    export: Callable[[Path], None],
    threads: int,
    rounds: int,
    clock: Callable[[], float],
    provider: str = measure_table.CPU,
) -> dict[str, Any]:
    """A latency table of this machine, measured as `measure_table.py` does.

    Args:
        export: writes the folder, as `export_table` does.
        threads: of ONNX Runtime.
        rounds: that are counted.
        clock: in seconds.
        provider: ONNX Runtime's execution provider, by its name.
    """
    with tempfile.TemporaryDirectory() as folder:
        export(Path(folder))
        return measure_table.measure(folder, threads, rounds, partial(progress, title="latency table"), clock, provider)


def _head(level: int, count: int) -> str:
    return f"head-{level}-{count}"


def _finish(case: int) -> str:
    return f"finish-{case}"


def _counts(level: LevelOutputs) -> list[int]:
    """How many of a level's anchors are measured."""
    return np.unique(np.linspace(1, level.anchors, min(level.anchors, MOST_COUNTS)).round().astype(int)).tolist()


def _described(levels: list[LevelOutputs], coding: Coding) -> dict[str, Any]:
    """What the manifest says of the raw outputs' channels and of the levels."""
    return {
        "channels": {
            name: (number, width)
            for number, level in enumerate(levels)
            for name, width in zip(level.names, coding.channels, strict=True)
        },
        "empty": "empty.onnx",
        "levels": [
            {
                "anchors": level.anchors,
                "cells": level.grid[0] * level.grid[1],
                "models": {str(count): f"{_head(number, count)}.onnx" for count in _counts(level)},
            }
            for number, level in enumerate(levels)
        ],
    }


def _layouts(anchors: list[int], seed: int = 0) -> list[list[list[int]]]:
    """Kept anchors per level: all; all but one level; one level alone; random ones of all sizes."""
    full = [list(range(count)) for count in anchors]
    cases = [full]
    for number in range(len(anchors)):
        cases.append([[] if i == number else level for i, level in enumerate(full)])
        cases.append([level if i == number else [] for i, level in enumerate(full)])
    generator = np.random.default_rng(seed)
    while len(cases) < 1 + 2 * len(anchors) + RANDOM_LAYOUTS:
        share = generator.random()
        kept = [[a for a in level if generator.random() < share] for level in full]
        if any(kept):
            cases.append(kept)
    return [kept for kept in cases if any(kept)]


def _inputs(models: Models, images: Sequence[Path]) -> dict[str, np.ndarray]:
    """`NUMBER/NAME` -> features and raw outputs of each image."""
    model, names = session(models.whole), [*models.feature_names, *models.raw_names]
    return {
        f"{number}/{name}": value
        for number, path in enumerate(images)
        for name, value in zip(
            names, model.run(names, {IMAGES: prepare(path, models.metadata.input).pixels}), strict=True
        )
    }


def _empty(opset: int) -> onnx.ModelProto:
    """A model that does nothing: what a run costs by itself."""
    graph = new_graph("empty", opset)
    return model_of(graph, {"y": (graph.op.Identity(graph.input("x", ir.DataType.FLOAT, (1,))), (1,))})
