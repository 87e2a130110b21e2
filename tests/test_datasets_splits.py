import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorprune.datasets.annotations import Annotations, Image
from anchorprune.datasets.splits import split, subset
from anchorprune.errors import UserError


def data(images: int, boxes: int = 0, seed: int = 0) -> Annotations:
    rng = np.random.default_rng(seed)
    return Annotations(
        images=tuple(Image(10 * n, f"{n}.jpg", 100, 100) for n in range(1, images + 1)),
        category_ids=np.array([1, 4], dtype=np.int32),
        category_names=("a", "b"),
        ids=np.arange(boxes, dtype=np.int64),
        image_index=rng.integers(0, images, boxes).astype(np.int32),
        category_index=rng.integers(0, 2, boxes).astype(np.int32),
        boxes=rng.uniform(1, 50, (boxes, 4)),
        area=rng.uniform(1, 50, boxes),
        iscrowd=rng.random(boxes) < 0.2,
    )


def rows(found: Annotations) -> dict[int, tuple]:
    images = found.image_ids[found.image_index]
    fields = (images, found.category_ids[found.category_index], found.boxes[:, 0], found.area, found.iscrowd)
    return dict(zip(found.ids.tolist(), zip(*(field.tolist() for field in fields), strict=True), strict=True))


@given(st.integers(1, 30), st.integers(0, 60), st.integers(0, 5), st.data())
def test_subset_keeps_exactly_the_boxes_of_its_images(images, boxes, seed, draw):
    whole = data(images, boxes, seed)
    wanted = draw.draw(st.sets(st.sampled_from(whole.image_ids.tolist())))
    part = subset(whole, wanted)
    assert set(part.image_ids.tolist()) == wanted
    assert rows(part) == {number: row for number, row in rows(whole).items() if row[0] in wanted}
    assert part.ids.tolist() == sorted(part.ids.tolist())  # order kept
    assert part.image_index.dtype == np.int32


def test_subset_of_an_unknown_image():
    with pytest.raises(UserError, match="image id 5 is not in this data set"):
        subset(data(3), [10, 5])


@given(st.integers(6, 200), st.lists(st.integers(1, 10), min_size=1, max_size=3), st.integers(0, 3))
def test_fractions_of_the_whole_use_every_image_once(images, weights, seed):
    images *= len(weights) * 2
    whole = data(images, 20)
    parts = split(whole, {str(n): weight / sum(weights) for n, weight in enumerate(weights)}, seed)
    found = [image for part in parts.values() for image in part.image_ids.tolist()]
    assert sorted(found) == whole.image_ids.tolist()
    for part, weight in zip(parts.values(), weights, strict=True):
        assert abs(len(part.images) - images * weight / sum(weights)) <= 1
    assert sum(len(part.ids) for part in parts.values()) == 20


def test_counts_seeds_and_names():
    whole = data(50, 100)
    parts = split(whole, {"prune": 10, "test": 0.5, "train": 15}, seed=1)
    assert {name: len(part.images) for name, part in parts.items()} == {"prune": 10, "test": 25, "train": 15}
    again = split(whole, {"prune": 10, "test": 0.5, "train": 15}, seed=1)
    other = split(whole, {"prune": 10, "test": 0.5, "train": 15}, seed=2)
    assert again["prune"].images == parts["prune"].images
    assert other["prune"].images != parts["prune"].images


def test_bad_parts_are_named():
    for parts, message in (
        ({"train": 0.9, "prune": 0.01}, "split 'prune' is empty: 0.01 of 10 images"),
        ({"train": 0}, "split 'train' is empty"),
        ({"train": 8, "test": 3}, "the splits train, test need 11 images, but there are 10"),
        ({"train": -1}, "split 'train': size -1 is negative"),
        ({"train": float("nan")}, "split 'train': size nan is negative or no number"),
    ):
        with pytest.raises(UserError, match=message):
            split(data(10), parts, seed=0)
