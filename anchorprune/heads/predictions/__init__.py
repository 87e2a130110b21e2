"""The predictions file: every candidate box of a detector on a split, before NMS.

`predict` writes it as a stream, one image at a time; `score` and `search` read it. Any program may write one
(columns and metadata below), for any detector. Neither direction needs torch.

Columns: `image_id` int64, `category_id` int32 (the data set's own ids), `anchor` int16, `score` float32,
`x1 y1 x2 y2` float32 (corners, pixels of the original image). Rows are grouped by ascending image_id; within an
image the row order breaks ties of the score. Metadata: `head`, `postprocess`, `provenance`, each a JSON object.
"""

from anchorprune.heads.predictions.format import COLUMNS, Candidates, Postprocess
from anchorprune.heads.predictions.reader import Predictions
from anchorprune.heads.predictions.writer import PredictionsWriter

__all__ = ["COLUMNS", "Candidates", "Postprocess", "Predictions", "PredictionsWriter"]
