"""The folder that `measure_table.py` measures: a level's convolutions with n anchors, decoding and NMS of layouts."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnxscript import ir

from anchorprune.deploy.latency import measure_table
from anchorprune.deploy.onnx.coding import Coding
from anchorprune.deploy.onnx.finish import LevelOutputs, finish
from anchorprune.deploy.onnx.graph import model_of, new_graph
from anchorprune.deploy.onnx.images import prepare
from anchorprune.deploy.onnx.models import IMAGES, Models, part, save
from anchorprune.deploy.onnx.session import session
from anchorprune.errors import UserError
from anchorprune.files import whole_file, write_json
from anchorprune.heads.predictions import Postprocess

MOST_COUNTS = 6  # of a level's anchors that are measured; those between are interpolated
RANDOM_LAYOUTS = 24  # decoding and NMS are measured on, beside the full one and each level's own
# Files hold shapes, not weights: a convolution's time does not depend on them, and RetinaNet's would take 1 GB.
FILLING = np.float32(0.01)
SMALL = 1024  # values; smaller constants are kept, they may be shapes


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
    """
    if len(levels) != len(models.metadata.head["levels"]):
        raise UserError("latency table: a level of this detector has no anchors; measure the full detector")
    found = {"empty": _empty(models.opset)}
    described = []
    for number, level in enumerate(levels):
        counts = np.unique(np.linspace(1, level.anchors, min(level.anchors, MOST_COUNTS)).round().astype(int)).tolist()
        names = {str(count): f"head-{number}-{count}" for count in counts}
        found |= {name: head_part(models, number, level, coding, int(count)) for count, name in names.items()}
        cells = level.grid[0] * level.grid[1]
        described.append(
            {
                "anchors": level.anchors,
                "cells": cells,
                "models": {count: f"{name}.onnx" for count, name in names.items()},
            }
        )
    cases = _layouts([level.anchors for level in levels])
    for number, kept in enumerate(cases):
        chosen = [level.only(anchors) for level, anchors in zip(levels, kept, strict=True) if anchors]
        found[f"finish-{number}"] = finish(chosen, coding, post, models.opset)
    save({name: _runnable(model, models) for name, model in found.items()}, folder)
    with whole_file(folder / "inputs.npz") as partial:
        np.savez(partial, **_inputs(models, images))
    shutil.copyfile(measure_table.__file__, folder / "measure_table.py")
    channels = {
        name: (number, width)
        for number, level in enumerate(levels)
        for name, width in zip(level.names, coding.channels, strict=True)
    }
    manifest = {
        "version": measure_table.VERSION,
        "head": models.metadata.head["name"],
        "images": len(images),
        "nms_pre": post.nms_pre,
        "channels": channels,
        "empty": "empty.onnx",
        "levels": described,
        "finish": [{"kept": kept, "model": f"finish-{number}.onnx"} for number, kept in enumerate(cases)],
    }
    write_json(folder / "manifest.json", manifest)


def head_part(models: Models, number: int, level: LevelOutputs, coding: Coding, count: int) -> onnx.ModelProto:
    """A level's part of the head with only its first `count` anchors, its large constants filled with one value."""
    model = part(models.head, [f"feature_{number}"], list(level.names))
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for name, width in zip(level.names, coding.channels, strict=True):
        last = next(node for node in model.graph.node if name in node.output)
        if last.op_type != "Conv" or not all(value in weights for value in last.input[1:]):
            raise UserError(f"latency table: {name} is not made by a plain convolution; measure the full detector")
        for place, value in enumerate(last.input[1:], 1):  # outputs may share a constant, so each gets its own
            last.input[place] = f"{name}/{place}"
            shorter = numpy_helper.to_array(weights[value])[: count * width].copy()
            model.graph.initializer.append(numpy_helper.from_array(shorter, last.input[place]))
    used = {value for node in model.graph.node for value in node.input}
    for value in [tensor for tensor in model.graph.initializer if tensor.name not in used]:
        model.graph.initializer.remove(value)
    del model.graph.value_info[:]
    for output, width in zip(model.graph.output, coding.channels, strict=True):
        output.type.tensor_type.shape.dim[1].dim_value = count * width
    return _filled(model)


def _filled(model: onnx.ModelProto) -> onnx.ModelProto:
    """A model whose large constants are made by nodes, so that its file is small."""
    kept, nodes = [], []
    for tensor in model.graph.initializer:
        if np.prod(tensor.dims) < SMALL:
            kept.append(tensor)
            continue
        shape = f"{tensor.name}/shape"
        kept.append(numpy_helper.from_array(np.array(tensor.dims, np.int64), shape))
        value = numpy_helper.from_array(np.array([FILLING]))
        nodes.append(onnx.helper.make_node("ConstantOfShape", [shape], [tensor.name], value=value))
    nodes += model.graph.node
    for field, values in ((model.graph.initializer, kept), (model.graph.node, nodes)):
        values = list(values)
        del field[:]
        field.extend(values)
    return model


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


def _runnable(model: onnx.ModelProto, models: Models) -> onnx.ModelProto:
    """In the file format version that torch writes, which older runtimes read too."""
    model.ir_version = models.whole.ir_version
    return model
