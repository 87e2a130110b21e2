"""Detectors as ONNX models, and their latency. No torch here: the backends of `anchorprune.detectors` write models."""
