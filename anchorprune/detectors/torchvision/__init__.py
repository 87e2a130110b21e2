"""torchvision as a backend: the only importer of torchvision. SSD300, SSDLite320 and RetinaNet-R50-FPN."""
