"""The tables of some of the images: the same arrays, in which the other images' candidates never survive."""

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.scoring.ground_truth import Truth, recall_tables, sort_truth
from anchorprune.scoring.tables import Tables


def restricted(tables: Tables, annotations: Annotations, images: np.ndarray) -> Tables:
    """The tables by which some of the images alone are scored; nothing is matched or sorted again.

    Args:
        tables: of all images.
        annotations: the annotations they were made from.
        images: (I,) bool, the images that count.
    """
    nobody = len(tables.level)  # the anchor of what never survives
    counts = images[np.repeat(np.arange(len(images)), np.diff(tables.image_start))]
    listed = counts[tables.anchor_list]
    before = np.concatenate([[0], np.cumsum(listed)]).astype(np.int64)
    truth = sort_truth(annotations)
    mine = images[truth.image]
    left = Truth(truth.image[mine], truth.category[mine], truth.boxes[mine], truth.flags[mine])
    return tables._replace(
        live_anchor=np.where(counts, tables.live_anchor, nobody).astype(np.int16),
        slow=tables.slow & images,
        anchor_list=tables.anchor_list[listed],
        block_anchor=before[tables.block_anchor],
        **recall_tables(left, len(annotations.category_ids)),
    )
