"""Predictions, annotations and a subset of anchors -> COCO's average precision, in milliseconds."""

from anchorprune.scoring.bootstrap import INTERVAL, Bootstrap, Difference
from anchorprune.scoring.evaluated import Evaluated
from anchorprune.scoring.score import LeftDetections, Score
from anchorprune.scoring.scorer import Scorer
from anchorprune.scoring.stitched import StitchedScorer

__all__ = [
    "INTERVAL",
    "Bootstrap",
    "Difference",
    "Evaluated",
    "LeftDetections",
    "Score",
    "Scorer",
    "StitchedScorer",
]
