"""Eight-bit models by ONNX Runtime's static quantisation."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from anchorprune.deploy.onnx.images import prepare
from anchorprune.deploy.onnx.models import IMAGES, Models


def quantised(models: Models, calibration: Iterable[Path]) -> onnx.ModelProto:
    """The end-to-end model with 8-bit convolutions; decoding and NMS stay in float.

    Weights are int8, one scale per output channel; activations uint8, with the range they have on the calibration
    images; quantise and dequantise nodes (QDQ) surround each convolution.

    Args:
        models: of the detector.
        calibration: image files.
    """
    with tempfile.TemporaryDirectory() as folder:
        raw, ready, small = (Path(folder) / f"{name}.onnx" for name in ("raw", "ready", "small"))
        onnx.save(models.raw, raw)
        quant_pre_process(raw, ready, skip_symbolic_shape=True)
        quantize_static(
            ready,
            small,
            _Reader(models, calibration),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return models.finished(onnx.load(small))


class _Reader(CalibrationDataReader):
    """Gives the calibration images one by one."""

    def __init__(self, models: Models, files: Iterable[Path]):
        self._images = (prepare(path, models.metadata.input).pixels for path in files)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next image as the model's input; None at the end."""
        pixels = next(self._images, None)
        return None if pixels is None else {IMAGES: pixels}
