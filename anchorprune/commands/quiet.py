"""Third-party noise, kept off the terminal by name."""

import logging
import os
import warnings


def quiet_libraries() -> None:
    """Silence the notices that mmdet's and torch's imports print about optional parts we do not use."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    logging.getLogger("mmengine").setLevel(logging.WARNING)
    for message in ("faster_coco_eval is not installed", "Failed to initialize NumPy"):
        warnings.filterwarnings("ignore", message=f".*{message}.*")
