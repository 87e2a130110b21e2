"""What detectors in ONNX files need of a machine."""

from collections.abc import Iterator
from dataclasses import replace

from anchorprune.errors import UserError
from anchorprune.pipeline.checkup import Finding, is_there, package

_REMEDY = 'pip install "anchorprune[deploy]"'


def check_onnx() -> None:
    """See that what runs ONNX files is there; nothing is imported.

    Raises:
        UserError: naming what is not.
    """
    for module, name in (("onnx", "onnx"), ("onnxruntime", "onnxruntime"), ("cv2", "opencv-python-headless")):
        if not is_there(module):
            raise UserError(f"{name} is not installed, and detectors in ONNX files need it; {_REMEDY}")


def onnx_findings() -> Iterator[Finding]:
    """Whether onnx is there; `doctor` looks for onnxruntime anyway."""
    yield replace(package("onnx", "onnx", _REMEDY), required=False)
