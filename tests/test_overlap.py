"""Intersection over union against pixels that are counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorprune.metrics.overlap import iou

BOX = st.tuples(*[st.integers(0, 8)] * 2, *[st.integers(1, 8)] * 2)


def cells(box) -> set[tuple[int, int]]:
    x, y, w, h = box
    return {(i, j) for i in range(x, x + w) for j in range(y, y + h)}


@given(st.lists(BOX, min_size=1, max_size=4), st.lists(BOX, min_size=1, max_size=4))
def test_of_whole_pixels(first, second):
    found = iou(np.array(first, float), np.array(second, float))
    counted = [[len(cells(a) & cells(b)) / len(cells(a) | cells(b)) for b in second] for a in first]
    assert found.tolist() == pytest.approx(np.array(counted), abs=1e-12)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 2), (3, 0)])
def test_without_boxes(n, m):
    assert iou(np.ones((n, 4)), np.ones((m, 4))).shape == (n, m)
