"""Data sets: COCO, PASCAL VOC and generated scenes, all in one in-memory form."""
