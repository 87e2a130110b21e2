"""The backend for detectors in ONNX files: they are run, searched and sliced as they are, without what trained them."""
