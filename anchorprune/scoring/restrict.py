"""The tables of some of the images: the same arrays, in which the other images' candidates never survive."""

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.scoring.ground_truth import Truth, recall_tables, sort_truth
from anchorprune.scoring.pools import Pools
from anchorprune.scoring.tables import Tables
from anchorprune.scoring.words import Words


def restricted(
    tables: Tables, words: Words, pools: Pools, annotations: Annotations, images: np.ndarray
) -> tuple[Tables, Words, Pools]:
    """What some of the images alone are scored by; nothing is matched or sorted again.

    Args:
        tables: of all images.
        words: of all images.
        pools: of all images.
        annotations: the annotations they were made from.
        images: (I,) bool, the images that count.
    """
    listed = images[words.word_image[words.entry_word]]
    before = np.concatenate([[0], np.cumsum(listed)]).astype(np.int64)
    truth = sort_truth(annotations)
    mine = images[truth.image]
    left = Truth(truth.image[mine], truth.category[mine], truth.boxes[mine], truth.flags[mine])
    words = words._replace(
        entry_start=before[words.entry_start],
        entry_word=words.entry_word[listed],
        entry_mask=words.entry_mask[listed],
    )
    recalls = recall_tables(left, len(annotations.category_ids))
    pools = pools._replace(image_pools=pools.image_pools * images[:, None])
    return tables._replace(**recalls), words, pools
