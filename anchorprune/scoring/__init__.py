"""Predictions, annotations and a subset of anchors -> COCO's average precision, in milliseconds."""

from anchorprune.scoring.bootstrap import Bootstrap, Difference
from anchorprune.scoring.scorer import Detections, Score, Scorer

__all__ = ["Bootstrap", "Detections", "Difference", "Score", "Scorer"]
