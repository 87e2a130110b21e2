"""A folder's detector, whichever its graph's form is."""

from pathlib import Path

from anchorprune.detectors.onnx.detector import load
from anchorprune.detectors.onnx.exports.detector import load_export
from anchorprune.detectors.onnx.file_detector import FileDetector
from anchorprune.detectors.onnx.folder import is_export_folder


def load_file(folder: Path, threads: int = 1) -> FileDetector:
    """Load it.

    Raises:
        UserError: a file is missing or damaged, or they do not fit each other.
    """
    return (load_export if is_export_folder(folder) else load)(folder, threads)
