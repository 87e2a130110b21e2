"""What a detector finds on an image, after NMS."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Detections:
    """The detections of one image, as its detector orders them (by falling score).

    Attributes:
        boxes: (n, 4) float64, x1 y1 x2 y2, pixels of the original image.
        scores: (n,) float64 in 0..1.
        labels: (n,) int64, the detector's: positions in its `classes`.
        input_shape: (H, W) of the image as the network sees it, pixels, without padding.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    input_shape: tuple[int, int]

    def above(self, score: float) -> "Detections":
        """The detections that score at least this."""
        keep = self.scores >= score
        return Detections(self.boxes[keep], self.scores[keep], self.labels[keep], self.input_shape)
