"""torchvision as a backend: the only importer of torchvision. SSD300-VGG16 and SSDLite320-MobileNetV3."""
