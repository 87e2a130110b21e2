"""Detectors as ONNX models, and their latency; no torch here: `anchorprune.detectors.export` writes the models."""
