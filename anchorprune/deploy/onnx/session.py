"""ONNX Runtime: sessions, and an end-to-end model as a detector."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from anchorprune.deploy.onnx.images import Prepared
from anchorprune.deploy.onnx.metadata import Metadata
from anchorprune.deploy.onnx.models import IMAGES, SIZES
from anchorprune.errors import UserError
from anchorprune.heads.detections import Detections

# What ONNX Runtime's Python module raises, beside RuntimeError, derives from Exception alone.
_ERRORS = tuple(
    kind
    for kind in vars(onnxruntime.capi.onnxruntime_pybind11_state).values()
    if isinstance(kind, type) and issubclass(kind, Exception)
)


def session(
    model: Path | onnx.ModelProto, threads: int = 1, provider: str = "CPUExecutionProvider"
) -> onnxruntime.InferenceSession:
    """A session of a file or of a model in memory; what `provider` lacks, or all if it does not start, is the CPU's.

    Raises:
        UserError: the file is missing, or ONNX Runtime refuses the model.
    """
    if isinstance(model, Path) and not model.is_file():
        raise UserError(f"{model}: no such model; check the path")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads of one session would take the cores of the next, where several take turns.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors; what else it says is about its own optimisations
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    try:
        providers = dict.fromkeys([provider, "CPUExecutionProvider"])
        return onnxruntime.InferenceSession(source, options, providers=list(providers))
    except (RuntimeError, *_ERRORS) as error:
        name = model if isinstance(model, Path) else model.graph.name
        raise UserError(f"{name}: ONNX Runtime {onnxruntime.__version__} refuses this model ({error})") from None


class OnnxDetector:
    """A `model.onnx` of `anchorprune deploy` in ONNX Runtime.

    Attributes:
        metadata: what the model says of itself.
    """

    def __init__(self, path: Path, threads: int = 1):
        self._session = session(path, threads)
        self._inputs = [value.name for value in self._session.get_inputs()]
        self.metadata = Metadata.from_properties(self._session.get_modelmeta().custom_metadata_map, path)

    def detect(self, image: Prepared) -> Detections:
        """Detections of one image, the best first."""
        feeds = feeds_of(image)
        outputs = self._session.run(["dets", "labels"], {name: feeds[name] for name in self._inputs})
        return found_in(image, *(output[0] for output in outputs))


def feeds_of(image: Prepared) -> dict[str, np.ndarray]:
    """All that a model may take of an image, by its inputs' names."""
    return {IMAGES: image.pixels, SIZES: np.array([image.size], np.float32)}


def found_in(image: Prepared, dets: np.ndarray, labels: np.ndarray) -> Detections:
    """What a model found in an image: its `dets` (K, 5) and `labels` (K,), padded or not."""
    found = labels >= 0
    boxes, scores = (part.astype(np.float64) for part in (image.to_original(dets[found, :4]), dets[found, 4]))
    return Detections(boxes, scores, labels[found], image.size[::-1])
