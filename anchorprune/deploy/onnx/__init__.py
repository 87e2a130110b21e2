"""Detectors as ONNX models: the graph from raw outputs to detections, sessions, 8-bit integers, their AP."""
