"""The tables of some of the images: the same arrays, in which the other images' candidates never survive."""

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.scoring.ground_truth import Truth, recall_tables, sort_truth
from anchorprune.scoring.places import list_images
from anchorprune.scoring.tables import Tables


def restricted(tables: Tables, annotations: Annotations, images: np.ndarray) -> Tables:
    """The tables by which some of the images alone are scored; nothing is matched or sorted again.

    Args:
        tables: of all images.
        annotations: the annotations they were made from.
        images: (I,) bool, the images that count.
    """
    nobody = np.int16(len(tables.level))  # the anchor of what never survives
    counts = np.repeat(images, np.diff(tables.image_start))
    listed, blocks = np.empty(int(counts.sum()), np.int32), np.empty_like(tables.block_anchor)
    list_images(tables, images, listed, blocks)
    truth = sort_truth(annotations)
    mine = images[truth.image]
    left = Truth(truth.image[mine], truth.category[mine], truth.boxes[mine], truth.flags[mine])
    return tables._replace(
        live_anchor=np.where(counts, tables.live_anchor, nobody),
        slow=tables.slow & images,
        anchor_list=listed,
        block_anchor=blocks,
        **recall_tables(left, len(annotations.category_ids)),
    )
