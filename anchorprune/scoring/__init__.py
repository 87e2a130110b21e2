"""Predictions, annotations and a subset of anchors -> COCO's average precision, in milliseconds."""

from anchorprune.scoring.scorer import Detections, Score, Scorer

__all__ = ["Detections", "Score", "Scorer"]
