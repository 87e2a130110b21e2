"""From detections to figures: COCO's, PASCAL VOC's, the evaluation server's form, agreement of two detectors."""
