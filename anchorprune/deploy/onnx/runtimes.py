"""Other runtimes than ONNX Runtime: each opens a detector's models and finds what is in one image."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import onnx

from anchorprune.deploy.onnx.images import Prepared
from anchorprune.deploy.onnx.metadata import Metadata
from anchorprune.deploy.onnx.models import Models
from anchorprune.deploy.onnx.plain_nms import detections
from anchorprune.deploy.onnx.session import feeds_of, found_in
from anchorprune.errors import UserError
from anchorprune.heads.detections import Detections

Feeds = Mapping[str, np.ndarray]
Outputs = Callable[[Feeds], list[np.ndarray]]
Run = Callable[[Feeds], tuple[np.ndarray, np.ndarray]]  # one image's inputs -> dets (K, 5) and labels (K,)


@dataclass(frozen=True)
class Opened:
    """A detector in a runtime.

    Attributes:
        name: the runtime's, with its version and what it computes with.
        run: to be called with a model's inputs.
        metadata: what the model says of itself.
    """

    name: str
    run: Run
    metadata: Metadata

    def detect(self, image: Prepared) -> Detections:
        """Detections of one image, the best first."""
        return found_in(image, *self.run(feeds_of(image)))


def open_models(runtime: str, models: Models, threads: int) -> Opened:
    """A detector's models in a runtime, by its name in `RUNTIMES`; OpenCV 4 has no NMS, its own function follows.

    Raises:
        UserError: the runtime is not installed, or refuses the model.
    """
    whole = runtime != "opencv" or int(_imported(runtime).__version__.partition(".")[0]) >= 5
    if not whole and models.metadata.input.divisor is not None:
        version = _imported(runtime).__version__
        raise UserError(f"--runtime opencv: {version} wants images of one size; give --fixed-size to deploy")
    model = models.end_to_end if whole else models.decoded
    name, outputs_of = open_graph(runtime, model, ["dets", "labels"] if whole else ["boxes", "scores"], threads)
    inputs = [value.name for value in model.graph.input]

    def run(feeds: Feeds) -> tuple[np.ndarray, np.ndarray]:
        first, second = (output[0] for output in outputs_of({name: feeds[name] for name in inputs}))
        return (first, second) if whole else detections(first, second, models.metadata)

    return Opened(name, run, models.metadata)


def open_graph(runtime: str, model: onnx.ModelProto, outputs: Sequence[str], threads: int) -> tuple[str, Outputs]:
    """Any model in a runtime: the runtime's name, and from inputs to some of its outputs.

    Raises:
        UserError: the runtime is not installed, or refuses the model.
    """
    module = _imported(runtime)
    try:
        return RUNTIMES[runtime](module, model, outputs, threads)
    except (RuntimeError, getattr(module, "error", RuntimeError)) as error:
        said = " ".join(str(error).split())
        raise UserError(f"--runtime {runtime}: {module.__version__} refuses this model ({said})") from None


def _imported(runtime: str) -> ModuleType:
    name = "cv2" if runtime == "opencv" else "openvino"
    try:
        return import_module(name)
    except ImportError:
        package = "opencv-python-headless" if runtime == "opencv" else "openvino"
        raise UserError(f"--runtime {runtime}: not installed; pip install {package}") from None


def _openvino(
    module: ModuleType, model: onnx.ModelProto, outputs: Sequence[str], threads: int, **more: Any
) -> tuple[str, Outputs]:
    """Left to itself OpenVINO computes in bf16 on processors that have it; what it takes is part of the name."""
    core = module.Core()
    read = core.read_model(model.SerializeToString())
    compiled = core.compile_model(read, "CPU", {"INFERENCE_NUM_THREADS": threads, **more})
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()

    def run(feeds: Feeds) -> list[np.ndarray]:
        found = compiled(dict(feeds))
        return [found[name] for name in outputs]

    return f"OpenVINO {module.__version__.partition('-')[0]} ({precision})", run


def _openvino_f32(
    module: ModuleType, model: onnx.ModelProto, outputs: Sequence[str], threads: int
) -> tuple[str, Outputs]:
    return _openvino(module, model, outputs, threads, INFERENCE_PRECISION_HINT="f32")


def _opencv(module: ModuleType, model: onnx.ModelProto, outputs: Sequence[str], threads: int) -> tuple[str, Outputs]:
    module.setNumThreads(threads)
    net = module.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))

    def run(feeds: Feeds) -> list[np.ndarray]:
        for name, value in feeds.items():
            net.setInput(value, name)
        return [np.asarray(value) for value in net.forward(list(outputs))]

    return f"OpenCV {module.__version__}", run


RUNTIMES: dict[str, Callable[..., tuple[str, Outputs]]] = {
    "openvino": _openvino,
    "openvino-f32": _openvino_f32,
    "opencv": _opencv,
}
