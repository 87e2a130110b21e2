"""The ONNX Runtime example of a model card, run as a reader runs it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from anchorprune.report.card_program import ONNX_USE


def run_example(model: Path, photo: Path, folder: Path) -> list[tuple[str, list[float]]]:
    """What the example prints of a photo, in a folder with both, made if missing: class; score and box."""
    (program,) = re.findall(r"```python\n(.*?)```", ONNX_USE, re.DOTALL)
    folder.mkdir(exist_ok=True)
    shutil.copy(model, folder / "model.onnx")
    shutil.copy(photo, folder / "photo.jpg")
    without = "import sys\nfor name in ('torch', 'mmdet', 'anchorprune'): sys.modules[name] = None\n"
    command = [sys.executable, "-c", without + program]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return [(words[0], [float(word) for word in words[1:]]) for words in map(str.split, done.stdout.splitlines())]
