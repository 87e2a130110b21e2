"""ONNX files of strangers: read whole, with nothing outside their folder, and written as one checked file."""

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import inliner

from anchorprune.errors import UserError
from anchorprune.files import inside, whole_file

MODEL = "model.onnx"


def read_model(path: Path) -> onnx.ModelProto:
    """Read a model with its external data; local functions are written out, so that every node is an operator's.

    Raises:
        UserError: the file is missing, damaged or no ONNX model, or its data lie outside its folder.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such ONNX file; check the path")
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, OSError, ValueError) as error:
        raise UserError(f"{path}: not a readable ONNX file ({_line(error)}); export it again") from None
    if not model.graph.node or not model.opset_import:
        raise UserError(f"{path}: an ONNX file without a graph; it is cut off or of another format, export it again")
    _load_outside(model, path)
    try:
        onnx.checker.check_model(model)
        return inliner.inline_local_functions(model) if model.functions else model
    except (onnx.checker.ValidationError, ValueError) as error:
        raise UserError(f"{path}: ONNX's checker refuses it ({_line(error)}); export it again") from None


def write_model(path: Path, model: onnx.ModelProto) -> None:
    """Write a model that ONNX's checker takes, shapes included.

    Raises:
        UserError: it has more than 2 GB, which one file cannot hold.
    """
    if model.ByteSize() >= onnx.checker.MAXIMUM_PROTOBUF:
        raise UserError(f"{path}: a model of more than 2 GB does not fit into one file; this is not supported")
    onnx.checker.check_model(model, full_check=True)
    with whole_file(path) as partial:
        partial.write_bytes(model.SerializeToString(deterministic=True))


def _load_outside(model: onnx.ModelProto, path: Path) -> None:
    """Read the tensors that lie in files beside the model."""
    for tensor in model.graph.initializer:
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        place = {entry.key: entry.value for entry in tensor.external_data}
        file = path.parent / inside(place.get("location"), f"{path}: external data of {tensor.name}")
        if not file.resolve().is_relative_to(path.parent.resolve()):
            raise UserError(f"{path}: external data of {tensor.name} leave its folder ({file}); export in one file")
        if not file.is_file():
            raise UserError(f"{file}: missing, and {path.name} has its weights there; put it beside the model")
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
    except (onnx.checker.ValidationError, OSError, ValueError) as error:
        raise UserError(f"{path}: its external data cannot be read ({_line(error)}); export it again") from None


def _line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
