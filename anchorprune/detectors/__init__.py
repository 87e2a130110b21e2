"""Detectors of any framework: what the commands ask of them, and a folder for each framework that answers."""

import importlib
import sys

# Configs of versions until 0.2 have mmengine import this package, for the parts that they name.
if sys.modules.get("mmengine"):
    importlib.import_module("anchorprune.detectors.mmdet.parts")
