import json
from pathlib import Path

import numpy as np
import pytest

from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.coco_writer import write_coco
from anchorprune.datasets.unusable import coco_trainable, voc_trainable
from anchorprune.datasets.voc import read_voc, voc_categories, voc_images
from anchorprune.errors import UserError

BCCD = Path(__file__).resolve().parents[2] / "shared" / "data" / "bccd"


def xml(objects="", size=(100, 80), filename="one.jpg", head="") -> str:
    return (
        f"{head}<annotation><filename>{filename}</filename>"
        f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>{objects}</annotation>"
    )


def thing(name="dog", corners=(1, 1, 100, 80), difficult=0) -> str:
    box = "".join(
        f"<{key}>{value}</{key}>" for key, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    )
    part = "<part><name>head</name><bndbox><xmin>2</xmin></bndbox></part>"
    return f"<object><name>{name}</name><difficult>{difficult}</difficult>{part}<bndbox>{box}</bndbox></object>"


def folder(tmp_path, files: dict[str, str], **lists: str) -> Path:
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / "Annotations" / f"{name}.xml").write_text(text)
    for name, text in lists.items():
        (tmp_path / "ImageSets" / "Main" / f"{name}.txt").write_text(text)
    return tmp_path


def test_corners_are_one_based_and_inclusive(tmp_path):
    root = folder(tmp_path, {"one": xml(thing() + thing("cat", (3, 5, 5, 6)))}, train="one\n")
    found = read_voc(root, "train")
    assert found.boxes.tolist() == [[0, 0, 100, 80], [2, 4, 3, 2]]  # the whole image; three pixels by two
    assert found.area.tolist() == [8000, 6]
    assert found.category_names == ("cat", "dog")
    assert found.category_ids.tolist() == [1, 2]
    assert found.category_index.tolist() == [1, 0]


def test_images_are_numbered_in_the_order_of_the_list(tmp_path):
    files = {"one": xml(thing()), "two": xml(thing(), filename="two.png"), "three": xml()}
    found = read_voc(folder(tmp_path, files, val="two -1\nthree  1\n\none 1\n"), "val")
    assert [(image.id, image.file_name) for image in found.images] == [(1, "two.png"), (2, "three.jpg"), (3, "one.jpg")]
    assert found.image_index.tolist() == [0, 2]
    assert found.ids.tolist() == [1, 2]


def test_difficult_boxes_become_crowds_and_stay_difficult_in_the_file(tmp_path):
    root = folder(tmp_path, {"one": xml(thing(difficult=1) + thing())}, train="one")
    found = read_voc(root, "train")
    assert found.iscrowd.tolist() == [True, False]
    write_coco(found, tmp_path / "train.json")
    records = json.loads((tmp_path / "train.json").read_text())["annotations"]
    assert [(record["iscrowd"], record["difficult"]) for record in records] == [(1, 1), (0, 0)]
    again = read_coco(tmp_path / "train.json")
    assert again.iscrowd.tolist() == again.difficult.tolist() == [True, False]


def test_years_below_a_common_root_keep_their_folder_in_the_names(tmp_path):
    for year, corners in (("VOC2007", (1, 1, 10, 10)), ("VOC2012", (1, 1, 20, 20))):
        (tmp_path / year).mkdir()
        folder(tmp_path / year, {"one": xml(thing(corners=corners))}, trainval="one", test="one")
    found = read_voc(tmp_path, ["VOC2007/trainval", "VOC2012/trainval"])
    names = [image.file_name for image in found.images]
    assert names == ["VOC2007/JPEGImages/one.jpg", "VOC2012/JPEGImages/one.jpg"]
    assert found.image_ids.tolist() == found.ids.tolist() == [1, 2]
    assert found.area.tolist() == [100, 400]
    assert voc_images(tmp_path, ["VOC2007/trainval"]) == tmp_path
    assert read_voc(tmp_path, "VOC2007/test").images[0].file_name == "VOC2007/JPEGImages/one.jpg"
    assert read_voc(tmp_path / "VOC2007", "test").images[0].file_name == "one.jpg"
    with pytest.raises(UserError, match=r"VOC2012/ImageSets/Main/val\.txt: no such image list; .* are: test, trainval"):
        read_voc(tmp_path, ["VOC2007/trainval", "VOC2012/val"])
    with pytest.raises(UserError, match="image set 'VOC2007/test' is given twice"):
        read_voc(tmp_path, ["VOC2007/test", "VOC2007/test"])
    with pytest.raises(UserError, match="leaves the image folder"):
        read_voc(tmp_path, ["VOC2007/../../test"])


def test_degenerate_boxes_are_read_as_they_are_and_not_trained_on(tmp_path):
    corners = (7, 3, 7, 9), (101, 3, 110, 9), (9, 9, 12, 12), (9, 9, 5, 12)
    objects = thing() + "".join(thing(corners=four) for four in corners)
    found = read_voc(folder(tmp_path, {"one": xml(objects)}, train="one"), "train")
    assert found.ids.tolist() == [1, 2, 3, 4, 5]
    assert found.boxes[1:].tolist() == [[6, 2, 1, 7], [100, 2, 10, 7], [8, 8, 4, 4], [8, 8, -3, 4]]
    assert found.area[1:].tolist() == [7, 70, 16, -12]
    left = voc_trainable(found)
    assert left.ids.tolist() == [1, 4]
    assert left.skipped == (
        "one.jpg: annotation 2: box [7, 3, 7, 9] skipped: xmax <= xmin or ymax <= ymin",
        "one.jpg: annotation 3: box [101, 3, 110, 9] skipped: entirely outside the image",
        "one.jpg: annotation 5: box [9, 9, 5, 12] skipped: xmax <= xmin or ymax <= ymin",
    )


def test_categories_can_be_given_and_gathered_over_splits(tmp_path):
    root = folder(tmp_path, {"one": xml(thing("b")), "two": xml(thing("a"))}, train="one", test="two")
    assert voc_categories(root, ["train", "test"]) == ("a", "b")
    found = read_voc(root, "train", ["x", "b"])
    assert found.category_names == ("x", "b")
    assert found.category_index.tolist() == [1]
    with pytest.raises(UserError, match=r"Annotations/two\.xml: class 'a' is not among the categories x, b; correct"):
        read_voc(root, "test", ["x", "b"])


BOMB = '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY c "&a;&a;&a;">]>'
THIEF = '<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (xml(thing())[:90], r"one\.xml: not valid XML .*cut off"),
        ("", r"one\.xml: not valid XML"),
        (xml(thing("&c;"), head=BOMB), r"one\.xml: has a DOCTYPE"),
        (xml(thing("&a;"), head=THIEF), r"one\.xml: has a DOCTYPE"),
        (xml(thing(), filename="../../one.jpg"), "leaves the image folder"),
        (xml(thing(), filename="/one.jpg"), "leaves the image folder"),
        (xml(thing(), size=(0, 80)), "<size> gives width 0"),
        (xml(thing(), size=(10, "")), "has no <size/height>"),
        (xml(thing(corners=(1, 2, "nan", 4))), "<bndbox/xmax> is 'nan', not a finite number"),
        (xml(thing(corners=(1, 2, "x", 4))), "<bndbox/xmax> is 'x', not a finite number"),
        (xml(thing("")), "<object> has no <name>"),
    ],
)
def test_bad_xml_is_named(tmp_path, text, message):
    with pytest.raises(UserError, match=message) as error:
        read_voc(folder(tmp_path, {"one": text}, train="one"), "train")
    assert str(tmp_path) in str(error.value)


def test_bad_lists_are_named(tmp_path):
    lists = {"empty": "\n", "twice": "one\none\n", "gone": "two\n", "climb": "../one\n", "none": "bare"}
    root = folder(tmp_path, {"one": xml(thing()), "bare": xml()}, **lists)
    for split, message in {
        "train": r"train\.txt: no such image list; the lists of this folder are: climb, empty, gone, none, twice",
        "empty": r"empty\.txt: this image list is empty",
        "twice": "lists 'one' twice",
        "gone": r"two\.xml: no such annotation file, but its split lists 'two'",
        "climb": "leaves the image folder",
        "../climb": "leaves the image folder",
        "none": "have no objects at all",
    }.items():
        with pytest.raises(UserError, match=message):
            read_voc(root, split)


@pytest.mark.skipif(not BCCD.exists(), reason=f"needs {BCCD}")
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_real_folder_equals_its_own_coco_file(split):
    reference = read_coco(BCCD / "annotations" / f"instances_{split}.json")
    found = read_voc(BCCD / "VOCdevkit" / "VOC2007", split, reference.category_names)
    assert found.images == reference.images
    for name in ("category_ids", "ids", "image_index", "category_index", "boxes", "area", "iscrowd"):
        np.testing.assert_array_equal(getattr(found, name), getattr(reference, name))
    files = {"train": ["BloodImage_00343.jpg"], "val": ["BloodImage_00338.jpg"], "test": []}[split]
    for data in (voc_trainable(found), coco_trainable(reference)):
        assert [line.partition(":")[0] for line in data.skipped] == files
