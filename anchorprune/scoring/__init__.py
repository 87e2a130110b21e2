"""Predictions, annotations and a subset of anchors -> COCO's average precision, in milliseconds."""

from anchorprune.scoring.bootstrap import INTERVAL, Bootstrap, Difference, Stitched
from anchorprune.scoring.score import LeftDetections, Score
from anchorprune.scoring.scorer import Scorer

__all__ = ["INTERVAL", "Bootstrap", "Difference", "LeftDetections", "Score", "Scorer", "Stitched"]
