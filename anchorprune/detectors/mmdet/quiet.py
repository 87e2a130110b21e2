"""Importing mmdet without remarks on what nothing here needs. All else that libraries say is heard."""

import importlib
import io
import warnings
from contextlib import redirect_stdout

# Beginnings of warnings: of mmdet's evaluation, and of torch where a level keeps no anchor.
_WARNED = ("faster_coco_eval is not installed", "Initializing zero-element tensors is a no-op")
# Lines that mmdet prints when it is imported.
_PRINTED = ("Could not import OneDL. Skipping OneDL datasets.",)


def import_mmdet() -> None:
    """Import what of mmdet makes remarks, so that later imports make none."""
    for beginning in _WARNED:
        warnings.filterwarnings("ignore", beginning, UserWarning)
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            importlib.import_module("mmdet.datasets")
    finally:
        for line in said.getvalue().splitlines():
            if line not in _PRINTED:
                print(line)
