import json
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO

from anchorprune.datasets.coco import read_coco, read_image_info
from anchorprune.datasets.coco_writer import write_coco
from anchorprune.datasets.unusable import coco_trainable
from anchorprune.errors import UserError


def example() -> dict:
    return {
        "images": [
            {"id": 9, "file_name": "b.jpg", "width": 50, "height": 40},
            {"id": 3, "file_name": "sub/a.jpg", "width": 100, "height": 80},
        ],
        "categories": [{"id": 7, "name": "dog"}, {"id": 2, "name": "cat"}],
        "annotations": [
            {"id": 5, "image_id": 3, "category_id": 7, "bbox": [1, 2.5, 10, 20], "area": 150.5, "iscrowd": 1},
            {"id": 4, "image_id": 9, "category_id": 2, "bbox": [-5, 0, 10, 4], "segmentation": [[1, 2, 3]]},
            {"id": 6, "image_id": 3, "category_id": 2, "bbox": [90, 70, 20, 20], "area": 400, "iscrowd": 0},
        ],
    }


def save(tmp_path, value) -> str:
    path = tmp_path / "instances.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_read_sorts_images_and_categories_and_keeps_the_order_of_boxes(tmp_path):
    found = read_coco(save(tmp_path, example()))
    assert [image.id for image in found.images] == [3, 9]
    assert found.images[0].file_name == "sub/a.jpg"
    assert (found.images[0].width, found.images[0].height) == (100, 80)
    assert found.category_ids.tolist() == [2, 7]
    assert found.category_names == ("cat", "dog")
    assert found.ids.tolist() == [5, 4, 6]
    assert found.image_index.tolist() == [0, 1, 0]
    assert found.category_index.tolist() == [1, 0, 0]
    assert found.boxes.tolist() == [[1, 2.5, 10, 20], [-5, 0, 10, 4], [90, 70, 20, 20]]  # partly outside: as given
    assert found.area.tolist() == [150.5, 40, 400]
    assert found.iscrowd.tolist() == [True, False, False]
    assert found.skipped == ()
    dtypes = {name: getattr(found, name).dtype.name for name in ("category_ids", "ids", "image_index", "boxes", "area")}
    assert dtypes == {
        "category_ids": "int32",
        "ids": "int64",
        "image_index": "int32",
        "boxes": "float64",
        "area": "float64",
    }


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ([5, 5, 0, 9], "width or height is not above zero"),
        ([5, 5, 9, -1], "width or height is not above zero"),
        ([100, 5, 9, 9], "entirely outside the image"),
        ([5, 80, 9, 9], "entirely outside the image"),
        ([-9, 5, 9, 9], "entirely outside the image"),
        ([5, -10, 9, 10], "entirely outside the image"),
        ([5, 5, 1, 1], "a single pixel"),
    ],
)
def test_odd_boxes_are_read_as_they_are_and_not_trained_on(tmp_path, box, reason):
    data = example()
    data["annotations"][0]["bbox"] = box
    found = read_coco(save(tmp_path, data))
    assert found.ids.tolist() == [5, 4, 6]
    assert found.boxes[0].tolist() == box
    assert (found.area[0], found.iscrowd[0]) == (150.5, True)
    assert found.skipped == ()
    left = coco_trainable(found)
    assert left.ids.tolist() == [4, 6]
    assert left.boxes.tolist() == found.boxes[1:].tolist()
    shown = ", ".join(map(str, box))
    assert left.skipped == (f"sub/a.jpg: annotation 5: box [{shown}] skipped: {reason}",)


def change(*path, to):
    def apply(data):
        *parents, last = path
        for key in parents:
            data = data[key]
        data[last] = to

    return apply


def drop(*path):
    def apply(data):
        *parents, last = path
        for key in parents:
            data = data[key]
        del data[last]

    return apply


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (drop("images"), "key 'images' is missing or no list"),
        (drop("annotations"), "key 'annotations' is missing or no list"),
        (change("categories", to={}), "key 'categories' is missing or no list"),
        (change("images", to=[]), "'images' is empty"),
        (change("categories", to=[]), "'categories' is empty"),
        (change("annotations", 1, "category_id", to=8), "annotation 4: category_id 8 is not in 'categories'"),
        (change("annotations", 2, "image_id", to=1), "annotation 6: image_id 1 is not in 'images'"),
        (change("images", 1, "id", to=9), "image id 9 occurs twice"),
        (change("annotations", 1, "id", to=5), "annotation id 5 occurs twice"),
        (change("categories", 1, "id", to=7), "category id 7 occurs twice"),
        (change("categories", 1, "name", to="dog"), "two categories are named 'dog'"),
        (change("categories", 1, "id", to=2**40), "category ids must lie in 0.."),
        (drop("images", 0, "file_name"), "image 9 has no 'file_name'"),
        (drop("annotations", 0, "bbox"), "annotation 5 has no 'bbox'"),
        (drop("annotations", 2, "id"), "annotation number 3 of the file has no 'id'"),
        (change("annotations", 2, to=7), "annotation number 3 of the file has no 'id'"),
        (change("annotations", 0, "image_id", to="3"), "annotation 5: 'image_id' is '3', not an integer"),
        (change("annotations", 0, "image_id", to=2**70), "not an integer"),
        (
            change("annotations", 0, "bbox", 2, to=float("nan")),
            "annotation 5: bbox [1, 2.5, nan, 20] is not four finite",
        ),
        (change("annotations", 1, "bbox", 2, to=float("inf")), "annotation 4: bbox [-5, 0, inf, 4] is not four finite"),
        (change("annotations", 1, "bbox", to=[1, 2, 3]), "annotation 4: bbox [1, 2, 3] is not four finite"),
        (change("annotations", 1, "bbox", to=None), "annotation 4: bbox None is not four finite"),
        (change("annotations", 0, "area", to=float("nan")), "annotation 5: area nan is not a finite number"),
        (change("images", 0, "width", to=0), "image 9: width and height must be above zero"),
        (change("images", 0, "file_name", to="../b.jpg"), "image 9: file name '../b.jpg' leaves the image folder"),
        (change("images", 0, "file_name", to="/etc/passwd"), "leaves the image folder"),
        (change("images", 0, "file_name", to="a\\..\\..\\b.jpg"), "leaves the image folder"),
        (change("images", 0, "file_name", to="C:\\b.jpg"), "leaves the image folder"),
        (change("images", 0, "file_name", to=""), "is not a file name"),
    ],
)
def test_contradictions_name_the_file_and_the_record(tmp_path, spoil, message):
    data = example()
    spoil(data)
    path = save(tmp_path, data)
    with pytest.raises(UserError) as error:
        read_coco(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_file_and_file_cut_in_half(tmp_path):
    with pytest.raises(UserError, match=r"gone\.json: no such annotation file"):
        read_coco(tmp_path / "gone.json")
    with pytest.raises(UserError, match="cannot read this annotation file"):
        read_coco(tmp_path)
    text = json.dumps(example())
    with pytest.raises(UserError, match=r"instances\.json: not valid JSON .*cut off"):
        read_coco(save(tmp_path, text[: len(text) // 2]))
    with pytest.raises(UserError, match="not valid JSON"):
        read_coco(save(tmp_path, "[" * 200_000))
    with pytest.raises(UserError, match="key 'images' is missing"):
        read_coco(save(tmp_path, "[]"))


def equal(a, b) -> None:
    assert a.images == b.images
    assert a.category_names == b.category_names
    for name in ("category_ids", "ids", "image_index", "category_index", "boxes", "area", "iscrowd"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        assert getattr(a, name).dtype == getattr(b, name).dtype


def test_no_boxes_at_all(tmp_path):
    found = read_coco(save(tmp_path, example() | {"annotations": []}))
    assert found.boxes.shape == (0, 4)
    write_coco(found, tmp_path / "empty.json")
    equal(read_coco(tmp_path / "empty.json"), found)


numbers = st.floats(0.1, 1e4, allow_subnormal=False)
box_records = st.fixed_dictionaries(
    {
        "image_id": st.sampled_from([3, 9]),
        "category_id": st.sampled_from([2, 7]),
        "bbox": st.tuples(st.floats(-0.05, 39), st.floats(-0.05, 39), numbers, numbers).map(list),
    },
    optional={"area": numbers, "iscrowd": st.sampled_from([0, 1])},
)


@given(st.lists(box_records, max_size=8))
def test_round_trip_is_exact(tmp_path_factory, records):
    folder = tmp_path_factory.mktemp("round")
    data = example() | {"annotations": [{"id": n, **record} for n, record in enumerate(records)]}
    found = read_coco(save(folder, data))
    assert found.skipped == ()
    write_coco(found, folder / "1.json")
    again = read_coco(folder / "1.json")
    equal(again, found)
    write_coco(again, folder / "2.json")
    assert (folder / "1.json").read_bytes() == (folder / "2.json").read_bytes()


def test_the_reference_reader_reads_what_we_write(tmp_path, capsys):
    write_coco(read_coco(save(tmp_path, example())), tmp_path / "written.json")
    reference = COCO(str(tmp_path / "written.json"))
    assert reference.anns[5]["bbox"] == [1, 2.5, 10, 20]
    assert reference.anns[4] == {
        "id": 4,
        "image_id": 9,
        "category_id": 2,
        "bbox": [-5, 0, 10, 4],
        "area": 40,
        "iscrowd": 0,
    }
    assert reference.imgs[9]["file_name"] == "b.jpg"
    assert reference.getCatIds(catNms=["cat"]) == [2]


def test_the_difficult_flag_is_kept_where_a_file_has_it(tmp_path):
    data = example()
    assert read_coco(save(tmp_path, data)).difficult is None
    data["annotations"][1]["difficult"] = 1
    found = read_coco(save(tmp_path, data))
    assert found.difficult.tolist() == [False, True, False]
    write_coco(found, tmp_path / "written.json")
    records = json.loads((tmp_path / "written.json").read_text())["annotations"]
    assert [record["difficult"] for record in records] == [0, 1, 0]


def test_a_file_of_images_alone(tmp_path):
    data = example()
    del data["annotations"]
    found = read_image_info(save(tmp_path, data))
    assert found.image_ids.tolist() == sorted(image["id"] for image in data["images"])
    assert len(found.ids) == 0 and found.boxes.shape == (0, 4)
    assert len(found.category_names) == len(data["categories"])


def test_val2017_size_is_read_within_a_second(tmp_path):
    rng = np.random.default_rng(0)
    outline = [[float(value) for value in rng.random(50).round(2)]]
    data = {
        "images": [{"id": n, "file_name": f"{n}.jpg", "width": 640, "height": 480} for n in range(5000)],
        "categories": [{"id": n, "name": str(n)} for n in range(1, 81)],
        "annotations": [
            {
                "id": n,
                "image_id": int(rng.integers(5000)),
                "category_id": 1 + n % 80,
                "bbox": [10.5, 20.25, 30.0, 40.0],
                "area": 900.5,
                "iscrowd": 0,
                "segmentation": outline,
            }
            for n in range(36_000)
        ],
    }
    path = save(tmp_path, data)
    start = time.process_time()
    found = read_coco(path)
    spent = time.process_time() - start
    assert len(found.ids) == 36_000
    assert spent < 2  # about 0.6 s on one core; twice that and more would mean a loop that should not be there
