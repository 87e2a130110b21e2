"""What the values of a graph are for images of one size: it is run once, and they are looked at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from anchorprune.deploy.onnx.session import session
from anchorprune.detectors.onnx.nodes import image_inputs
from anchorprune.errors import UserError

KINDS = {onnx.TensorProto.FLOAT: np.float32, onnx.TensorProto.FLOAT16: np.float16}


@dataclass(frozen=True)
class Observed:
    """Values by name.

    Attributes:
        found: of the run.
        constants: of the file.
    """

    found: Mapping[str, np.ndarray]
    constants: Mapping[str, np.ndarray]

    def value(self, name: str) -> np.ndarray:
        """A value that does not depend on the pixels."""
        return self.constants[name] if name in self.constants else self.found[name]

    def constant(self, name: str) -> np.ndarray | None:
        """A value of the file itself."""
        return self.constants.get(name)

    def shape(self, name: str) -> tuple[int, ...]:
        """Of a value."""
        return self.value(name).shape


def run(model: onnx.ModelProto, names: Iterable[str], size: tuple[int, int]) -> dict[str, np.ndarray]:
    """Values of a model for a grey image of (W, H) pixels.

    Raises:
        UserError: ONNX Runtime refuses the model, or fails in it.
    """
    copy, names = onnx.ModelProto(), list(dict.fromkeys(names))
    copy.CopyFrom(model)
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    (image,) = image_inputs(model.graph)
    kind = KINDS[image.type.tensor_type.elem_type]
    pixels = np.full((1, 3, size[1], size[0]), 0.5, np.float32).astype(kind)
    runs = session(copy)
    try:
        return dict(zip(names, runs.run(names, {image.name: pixels}), strict=True))
    except Exception as error:  # ONNX Runtime's own derive from Exception alone
        raise UserError(f"{model.graph.name}: ONNX Runtime fails in this model ({_line(error)})") from None


def check_runs(path: Path) -> None:
    """See that ONNX Runtime takes a file as it is.

    Raises:
        UserError: it does not.
    """
    session(path)


def _line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
