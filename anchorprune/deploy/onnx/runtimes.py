"""Other runtimes than ONNX Runtime: each opens a detector's models and finds what is in one image."""

from collections.abc import Callable, Mapping
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
    """A detector's models in a runtime, by its name in `RUNTIMES`.

    Raises:
        UserError: the runtime is not installed, or refuses the model.
    """
    module = _imported(runtime)
    try:
        name, run = RUNTIMES[runtime](module, models, threads)
    except (RuntimeError, getattr(module, "error", RuntimeError)) as error:
        said = " ".join(str(error).split())
        raise UserError(f"--runtime {runtime}: {module.__version__} refuses this model ({said})") from None
    return Opened(name, run, models.metadata)


def _imported(runtime: str) -> ModuleType:
    name = "cv2" if runtime == "opencv" else "openvino"
    try:
        return import_module(name)
    except ImportError:
        package = "opencv-python-headless" if runtime == "opencv" else "openvino"
        raise UserError(f"--runtime {runtime}: not installed; pip install {package}") from None


def _openvino(module: ModuleType, models: Models, threads: int, **more: Any) -> tuple[str, Run]:
    """Left to itself OpenVINO computes in bf16 on processors that have it; what it takes is part of the name."""
    core = module.Core()
    read = core.read_model(models.end_to_end.SerializeToString())
    compiled = core.compile_model(read, "CPU", {"INFERENCE_NUM_THREADS": threads, **more})
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    names = [value.get_any_name() for value in compiled.inputs]

    def run(feeds: Feeds) -> tuple[np.ndarray, np.ndarray]:
        outputs = compiled({name: feeds[name] for name in names})
        return outputs["dets"][0], outputs["labels"][0]

    return f"OpenVINO {module.__version__.partition('-')[0]} ({precision})", run


def _openvino_f32(module: ModuleType, models: Models, threads: int) -> tuple[str, Run]:
    return _openvino(module, models, threads, INFERENCE_PRECISION_HINT="f32")


def _opencv(module: ModuleType, models: Models, threads: int) -> tuple[str, Run]:
    """OpenCV 5 has NMS; before it, its own `NMSBoxesBatched` follows the decoded form."""
    module.setNumThreads(threads)
    whole = int(module.__version__.partition(".")[0]) >= 5
    if not whole and models.metadata.input.divisor is not None:
        raise UserError(f"--runtime opencv: {module.__version__} wants images of one size; give --fixed-size to deploy")
    model = models.end_to_end if whole else models.decoded
    net = module.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
    outputs = [value.name for value in model.graph.output]
    inputs = _inputs(model)

    def run(feeds: Feeds) -> tuple[np.ndarray, np.ndarray]:
        for name in inputs:
            net.setInput(feeds[name], name)
        first, second = (np.asarray(value)[0] for value in net.forward(outputs))
        return (first, second) if whole else detections(first, second, models.metadata)

    return f"OpenCV {module.__version__}", run


def _inputs(model: onnx.ModelProto) -> list[str]:
    return [value.name for value in model.graph.input]


RUNTIMES: dict[str, Callable[[ModuleType, Models, int], tuple[str, Run]]] = {
    "openvino": _openvino,
    "openvino-f32": _openvino_f32,
    "opencv": _opencv,
}
