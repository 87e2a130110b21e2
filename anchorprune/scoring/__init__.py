"""Predictions, annotations and a subset of anchors -> COCO's average precision, in milliseconds."""

from anchorprune.scoring.bootstrap import Bootstrap, Difference
from anchorprune.scoring.score import LeftDetections, Score
from anchorprune.scoring.scorer import Scorer

__all__ = ["Bootstrap", "Difference", "LeftDetections", "Score", "Scorer"]
