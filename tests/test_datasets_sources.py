"""What a data set of the configuration needs on disk, what is downloaded, and the arguments of its command."""

from pathlib import Path

import pytest

from anchorprune.downloads.table import files_of
from anchorprune.errors import UserError
from anchorprune.pipeline.arguments import dataset_arguments
from anchorprune.pipeline.sources import annotation_files, check_sources, download_roots

COCO = {"kind": "coco2017", "root": "coco", "protocol": "heldout", "prune": "list.txt", "seed": 0, "download": False}
VOC = {
    "kind": "voc",
    "root": "VOCdevkit",
    "train": ["VOC2007/trainval", "VOC2012/trainval"],
    "prune": 0.1,
    "test": "VOC2007/test",
    "seed": 0,
    "download": True,
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("list.txt").write_text("1\n")
    return tmp_path


def put(*files: str) -> None:
    for file in files:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text("{}" if file.endswith(".json") else "")


def test_arguments():
    assert dataset_arguments({**COCO, "limit": {"train": 16, "test": 8}}) == [
        *("coco2017", "--protocol", "heldout", "--prune", "list.txt", "--root", "coco", "--seed", "0"),
        *("--limit", "train", "16", "--limit", "test", "8"),
    ]
    assert dataset_arguments({**COCO, "prune": 0.2})[3:5] == ["--prune-fraction", "0.2"]
    assert dataset_arguments(VOC) == [
        *("voc", "--prune-fraction", "0.1", "--root", "VOCdevkit", "--seed", "0", "--test", "VOC2007/test"),
        *("--train", "VOC2007/trainval", "--train", "VOC2012/trainval"),
    ]


def test_coco_that_is_not_there_says_how_to_get_it():
    with pytest.raises(UserError) as error:
        check_sources("mine", COCO)
    assert str(error.value) == (
        "datasets.mine.root: coco/annotations/instances_train2017.json does not exist; put it there, mend the path, or "
        "run: anchorprune download coco2017 --root coco"
    )


def test_inputs_are_the_same_files_before_and_after_a_download():
    files = [*files_of("coco2017", "coco"), "list.txt"]
    assert annotation_files(COCO) == annotation_files({**COCO, "download": True}) == files
    assert annotation_files({**COCO, "protocol": "release"}) == annotation_files({**COCO, "prune": 0.2}) == files[:2]
    assert annotation_files(VOC) == [
        f"VOCdevkit/{year}/ImageSets/Main/{name}.txt"
        for year, name in (("VOC2007", "trainval"), ("VOC2012", "trainval"), ("VOC2007", "test"))
    ]
    assert set(annotation_files(VOC)) < set(files_of("voc0712", "VOCdevkit"))


def test_a_download_that_is_asked_for_is_planned_only_where_nothing_is_there():
    wanted = {**COCO, "download": True}
    datasets = {"a": wanted, "b": {**wanted, "protocol": "release"}, "c": VOC, "d": {**COCO, "root": "other"}}
    check_sources("a", wanted)
    assert download_roots(datasets, "coco2017") == "coco"
    assert download_roots(datasets, "voc") == "VOCdevkit"
    put(*files_of("coco2017", "coco"))
    with pytest.raises(UserError, match=r"coco/train2017 does not exist; .* run: anchorprune download coco2017"):
        check_sources("a", wanted)
    put("coco/train2017/a.jpg", "coco/val2017/a.jpg")
    check_sources("a", wanted)
    check_sources("a", COCO)
    assert download_roots(datasets, "coco2017") == "(?!)"


def test_a_download_brings_no_list_of_ones_own():
    with pytest.raises(UserError, match=r"datasets\.mine\.prune: gone\.txt does not exist"):
        check_sources("mine", {**COCO, "download": True, "prune": "gone.txt"})
    with pytest.raises(UserError, match=r"datasets\.mine\.test: VOCdevkit/VOC2010/ImageSets/Main/test\.txt does not"):
        put("VOCdevkit/VOC2007/ImageSets/Main/trainval.txt", "VOCdevkit/VOC2012/ImageSets/Main/trainval.txt")
        check_sources("mine", {**VOC, "test": "VOC2010/test"})


def test_one_voc_folder_still_needs_its_annotations():
    with pytest.raises(UserError, match=r"datasets\.mine\.root: VOC2007/Annotations does not exist"):
        check_sources("mine", {"kind": "voc", "root": "VOC2007", "train": "train", "prune": "val", "test": "test"})
