"""The `model-raw.onnx` of `anchorprune deploy` as a detector, read by its metadata."""
