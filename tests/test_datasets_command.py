import hashlib
import json
import shutil
from pathlib import Path

import pytest
from running.results import names_in

from anchorprune.cli import main
from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.prepared import read_split
from anchorprune.datasets.rare_classes import misspelt
from anchorprune.errors import UserError

BCCD = Path(__file__).resolve().parents[2] / "shared" / "data" / "bccd"
needs_bccd = pytest.mark.skipif(not BCCD.exists(), reason=f"needs {BCCD}")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    """A small prepared data set: 12, 4 and 4 scenes of 64 x 64."""
    folder = tmp_path_factory.mktemp("scenes")
    assert generate(folder) == 0
    return folder


def generate(folder, *more) -> int:
    sizes = ("--train", 12, "--prune", 4, "--test", 4, "--size", 64)
    return main([str(part) for part in ("dataset", "scenes", *sizes, "--output", folder, *more)])


def coco(*arguments) -> int:
    return main(["dataset", "coco", *map(str, arguments)])


def source(scenes, split) -> tuple[Path, Path]:
    return scenes / f"{split}.json", scenes / "images" / split


def digest(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.match("*.record.json")]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


FILES = [f"{name}.{ending}" for name in ("prune", "test", "train") for ending in ("json", "sha256")]


def failure(capsys) -> str:
    """The one line a failed command prints."""
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_scenes(scenes, tmp_path, capsys):
    assert generate(tmp_path / "again") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["kind"] == "scenes" and summary["seed"] == 0
    assert {name: split["image_count"] for name, split in summary["splits"].items()} == {
        "train": 12,
        "prune": 4,
        "test": 4,
    }
    assert len(digest(scenes)) == 20 + 7
    assert digest(scenes) == digest(tmp_path / "again")
    assert generate(tmp_path / "other", "--seed", 1) == 0
    assert not set(digest(scenes).values()) & set(digest(tmp_path / "other").values())
    split = read_split(scenes, "prune")
    assert split.images == scenes / "images" / "prune"
    assert len(split.annotations.images) == 4


def test_coco_with_three_files_keeps_them_and_the_images_where_they_are(scenes, tmp_path, capsys):
    arguments = [part for name in ("train", "prune", "test") for part in (f"--{name}", *source(scenes, name))]
    assert coco(*arguments, "--output", tmp_path) == 0
    assert json.loads(capsys.readouterr().out)["seed"] is None
    for name in ("train", "prune", "test"):
        assert (tmp_path / f"{name}.json").read_bytes() == (scenes / f"{name}.json").read_bytes()
        assert read_split(tmp_path / "dataset.json", name).images == scenes / "images" / name
    assert names_in(tmp_path) == ["dataset.json", *FILES]


def test_prune_and_test_are_held_out_of_train(scenes, tmp_path):
    assert coco("--train", *source(scenes, "train"), "--test-fraction", 0.25, "--output", tmp_path / "a") == 0
    parts = {name: read_split(tmp_path / "a", name).annotations for name in ("train", "prune", "test")}
    assert {name: len(part.images) for name, part in parts.items()} == {"train": 7, "prune": 2, "test": 3}
    assert sorted(i for part in parts.values() for i in part.image_ids.tolist()) == list(range(1, 13))
    for seed, same in ((0, True), (1, False)):
        output = tmp_path / str(seed)
        arguments = ("--train", *source(scenes, "train"), "--test-fraction", 0.25, "--seed", seed, "--output", output)
        assert coco(*arguments) == 0
        assert ((output / "prune.json").read_bytes() == (tmp_path / "a" / "prune.json").read_bytes()) is same


def test_relative_image_folders_are_recorded_relative_to_the_output(scenes, tmp_path, monkeypatch):
    shutil.copytree(scenes, tmp_path / "in" / "scenes")
    monkeypatch.chdir(tmp_path / "in")
    assert coco("--train", "scenes/train.json", "scenes/images/train", "--test-fraction", 0.2, "--output", "out") == 0
    assert json.loads(Path("out/dataset.json").read_text())["splits"]["test"]["images"] == "../scenes/images/train"
    (tmp_path / "in").rename(tmp_path / "moved")
    assert read_split(tmp_path / "moved" / "out", "test").images.is_dir()


def spoiled(scenes, tmp_path, spoil) -> tuple[Path, Path]:
    """The train split's annotation file after `spoil`, and its images."""
    data = json.loads((scenes / "train.json").read_text())
    spoil(data)
    path = tmp_path / "spoiled.json"
    path.write_text(json.dumps(data))
    return path, scenes / "images" / "train"


def by_id(path: Path) -> dict[int, dict]:
    return {record["id"]: record for record in json.loads(path.read_text())["annotations"]}


def test_only_training_leaves_boxes_out(scenes, tmp_path):
    def spoil(data):
        boxes = [1, 1, 0, 5], [9, 9, -4, 5], [5, 500, 9, 9], [7, 7, 1, 1]
        for number, record in enumerate(data["annotations"]):
            record |= {"id": 2**33 * number, "bbox": boxes[number % 4], "area": number / 7, "iscrowd": number % 2}
        data["annotations"] += [{**record, "id": -n, "bbox": [1, 1, 20, 20]} for n, record in enumerate(records, 1)]

    records = json.loads((scenes / "train.json").read_text())["annotations"]
    file, images = spoiled(scenes, tmp_path, spoil)
    given = by_id(file)
    assert coco("--train", file, images, "--test-fraction", 0.2, "--output", tmp_path / "o") == 0
    found = {}
    for name in ("train", "prune", "test"):
        found[name] = written = by_id(tmp_path / f"o/{name}.json")
        numbers = {image["id"] for image in json.loads((tmp_path / f"o/{name}.json").read_text())["images"]}
        whole = {number for number, record in given.items() if record["image_id"] in numbers}
        assert set(written) == ({number for number in whole if number < 0} if name == "train" else whole)
        for number, record in written.items():
            assert record == {key: given[number][key] for key in record}
    assert any(min(record["bbox"][2:]) < 0 for record in found["prune"].values())
    splits = json.loads((tmp_path / "o/dataset.json").read_text())["splits"]
    assert [len(splits[name]["skipped"]) > 0 for name in found] == [True, False, False]
    assert splits["test"]["unusable_count"] == sum(number >= 0 for number in found["test"])


def test_an_annotation_of_id_0_stays_and_is_named(scenes, tmp_path, caplog):
    def spoil(data):
        data["annotations"][0]["id"] = 0

    file, images = spoiled(scenes, tmp_path, spoil)
    assert coco("--prune", file, images, "--test", *source(scenes, "test"), "--output", tmp_path / "o") == 0
    assert 0 in by_id(tmp_path / "o/prune.json")
    line = "prune: COCO's evaluation never counts annotation 0 as found; number annotations from 1"
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [line]


def test_skipped_boxes_are_reported_and_not_fatal(scenes, tmp_path, caplog):
    def spoil(data):
        for record in data["annotations"][:25]:
            record["bbox"] = [1, 1, 0, 5]

    arguments = ("--train", *spoiled(scenes, tmp_path, spoil), "--test", *source(scenes, "test"))
    assert coco(*arguments, "--output", tmp_path / "o") == 0
    assert "train: train-000001.png: annotation 1: box [1, 1, 0, 5] skipped: width or height is not above zero" in (
        f"train: {line}" for line in read_skipped(tmp_path / "o")
    )
    left, kept = len(read_skipped(tmp_path / "o")), 25 - len(read_skipped(tmp_path / "o"))
    assert left > 20
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert f"and {left - 20} more boxes left out: see" in warned[-1]
    assert warned[0] == (
        f"prune: {kept} boxes have no area, lie outside their image or are one pixel; COCO counts them, so they stay"
    )
    assert len(warned) == 22


def test_classes_are_counted_and_a_misspelt_one_is_named(tmp_path, capsys, run_command):
    def thing(name):
        box = "<xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax>"
        return f"<object><name>{name}</name><bndbox>{box}</bndbox></object>"

    (tmp_path / "Annotations").mkdir()
    (tmp_path / "ImageSets/Main").mkdir(parents=True)
    (tmp_path / "JPEGImages").mkdir()
    for number, names in enumerate((["platelet"] * 6, ["platlet", "cell"], ["cell"] * 7)):
        size = "<size><width>20</width><height>20</height></size>"
        text = f"<annotation>{size}{''.join(map(thing, names))}</annotation>"
        (tmp_path / f"Annotations/{number}.xml").write_text(text)
    for name, listed in {"train": "0", "val": "1", "test": "2"}.items():
        (tmp_path / f"ImageSets/Main/{name}.txt").write_text(listed)
    words = ["dataset", "voc", "--root", tmp_path, "--prune", "val", "--test", "test", "--no-check"]
    done = run_command(*words, "--output", tmp_path / "o")
    assert done.status == 0, done.err
    assert done.err.splitlines() == [
        "boxes of each class: cell 8, platelet 6, platlet 1",
        "class 'platlet' has 1 boxes, 'platelet' has 6: if it is the same, correct the name in the annotation files",
    ]
    assert done.json["splits"]["prune"]["boxes_of_class"] == {"cell": 1, "platelet": 0, "platlet": 1}
    done = run_command(*words, "--categories", "cell,platelet", "--output", tmp_path / "p")
    assert done.status == 2
    assert (
        f"{tmp_path}/Annotations/1.xml: class 'platlet' is not among the categories cell, platelet" in done.error_line
    )
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("counts", "pairs"),
    [
        ({"RBC": 2382, "WBC": 214, "RBD": 3, "Platelets": 200}, [("RBD", "RBC")]),
        ({"Dog": 2, "dog": 10}, [("Dog", "dog")]),
        ({"Dog": 3, "dog": 10}, []),
        ({"car": 100, "cat": 2, "truck": 900}, [("cat", "car")]),
        ({"car": 99, "cat": 2}, []),
        ({"cat": 0, "car": 900}, []),
    ],
)
def test_which_class_may_be_misspelt(counts, pairs):
    assert misspelt(counts) == pairs


def read_skipped(output) -> list[str]:
    splits = json.loads((output / "dataset.json").read_text())["splits"]
    return [line for split in splits.values() for line in split["skipped"]]


def rename_a_class(data):
    data["categories"][1]["name"] = "square"


def strip_boxes(data):
    data["annotations"] = []


def lose_an_image(data):
    data["images"][3]["file_name"] = "gone.png"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (rename_a_class, "splits 'train' and 'test' differ in categories: 2 'rectangle', 2 'square'"),
        (strip_boxes, "split 'train' has no boxes to find"),
        (lose_an_image, "gone.png: image is missing"),
        (lambda data: data["annotations"][0].update(category_id=9), "category_id 9 is not in 'categories'"),
        (lambda data: data["images"].clear(), "'images' is empty"),
    ],
)
def test_bad_input_leaves_an_older_output_as_it_was(scenes, tmp_path, capsys, spoil, message):
    output = tmp_path / "out"
    shutil.copytree(scenes, output)
    before = digest(output)
    arguments = ("--train", *spoiled(scenes, tmp_path, spoil), "--test", *source(scenes, "test"))
    assert coco(*arguments, "--output", output) == 2
    assert message in failure(capsys)
    assert digest(output) == before
    assert coco(*arguments, "--output", tmp_path / "new") == 2
    assert not (tmp_path / "new").exists()


def test_a_truncated_image_is_named_unless_unchecked(scenes, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(scenes, copy)
    image = copy / "images" / "train" / "train-000003.png"
    image.write_bytes(image.read_bytes()[:3000])
    arguments = ("--train", *source(copy, "train"), "--test", *source(copy, "test"), "--output", tmp_path / "o")
    assert coco(*arguments) == 2
    assert f"{image}: image is damaged or cut off" in failure(capsys)
    assert coco(*arguments, "--no-check") == 0


def test_an_image_in_two_splits_is_named(scenes, tmp_path, capsys):
    arguments = ("--train", *source(scenes, "train"), "--test", *source(scenes, "train"), "--output", tmp_path)
    assert coco(*arguments) == 2
    assert "image is in the splits" in failure(capsys)


def test_empty_split_and_missing_options_are_named(scenes, tmp_path, capsys):
    train = ("--train", *source(scenes, "train"), "--output", tmp_path / "o")
    for arguments, message in (
        ((), "no test split: give --test, or --test-fraction"),
        (("--test-fraction", 0.3, "--prune-fraction", 0.01), "split 'prune' is empty: 0.01 of 12 images"),
        (("--test-fraction", 0.5, "--prune-fraction", 0.5), "leave nothing to train on"),
        (("--test-fraction", 0), "--test-fraction"),
        (("--test", tmp_path / "gone.json", tmp_path), "gone.json: no such annotation file"),
        (("--test", scenes / "test.json", tmp_path / "gone"), "gone: no such image folder"),
    ):
        assert coco(*train, *arguments) == 2
        assert message in failure(capsys)
    assert generate(tmp_path / "o", "--prune", 0) == 2
    assert "number of prune scenes is 0" in failure(capsys)
    assert not (tmp_path / "o").exists()


def test_inputs_and_strangers_are_never_overwritten(scenes, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(scenes, copy)
    before = digest(copy)
    assert coco("--train", *source(copy, "train"), "--test-fraction", 0.2, "--output", copy) == 2
    assert "train.json: the output would overwrite this input" in failure(capsys)
    assert digest(copy) == before
    (copy / "images" / "holiday.jpg").write_text("mine")
    assert generate(copy) == 2
    assert "holds files that are not generated scenes" in failure(capsys)
    assert (copy / "images" / "holiday.jpg").read_text() == "mine"


def test_a_second_run_replaces_the_first_and_leaves_other_files(tmp_path):
    assert generate(tmp_path) == 0
    first = digest(tmp_path)
    (tmp_path / "dataset.log").write_text("log")
    (tmp_path / ".making-123" / "images").mkdir(parents=True)  # left by a run that was killed
    assert generate(tmp_path, "--train", 3) == 0
    assert len(list((tmp_path / "images" / "train").iterdir())) == 3
    assert (tmp_path / "dataset.log").read_text() == "log"
    (tmp_path / "dataset.log").unlink()
    assert generate(tmp_path) == 0
    assert digest(tmp_path) == first
    assert names_in(tmp_path) == ["dataset.json", "images", *FILES]


def test_output_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert generate(tmp_path / "file" / "sub") == 2
    assert "cannot write here" in failure(capsys)


def test_read_split_of_something_else(tmp_path):
    with pytest.raises(UserError, match="no such data set"):
        read_split(tmp_path, "train")
    (tmp_path / "dataset.json").write_text("{}")
    with pytest.raises(UserError, match="has no split 'train'"):
        read_split(tmp_path, "train")


@needs_bccd
def test_real_voc_folder_and_coco_files_give_the_same_boxes(tmp_path, caplog):
    root = BCCD / "VOCdevkit" / "VOC2007"
    names = ("--categories", "RBC,WBC,Platelets")
    lists = ("--prune", "val", "--test", "test")
    assert main(["dataset", "voc", "--root", str(root), *lists, *names, "--output", str(tmp_path / "voc")]) == 0
    files = {"train": "train", "prune": "val", "test": "test"}
    arguments = [
        part
        for name, file in files.items()
        for part in (f"--{name}", BCCD / "annotations" / f"instances_{file}.json", root / "JPEGImages")
    ]
    assert coco(*arguments, "--output", tmp_path / "coco") == 0
    for output in ("voc", "coco"):
        skipped = [line.partition(":")[0] for line in read_skipped(tmp_path / output)]
        assert skipped == ["BloodImage_00343.jpg"]
    assert sum("BloodImage_00343.jpg" in message for message in caplog.messages) == 2
    for name in files:
        voc, reference = (read_coco(tmp_path / kind / f"{name}.json") for kind in ("voc", "coco"))
        assert voc.images == reference.images
        assert voc.boxes.tolist() == reference.boxes.tolist()
        assert voc.category_index.tolist() == reference.category_index.tolist()


@needs_bccd
def test_voc_gathers_its_classes_over_all_splits_and_names_unknown_ones(tmp_path, capsys):
    root = str(BCCD / "VOCdevkit" / "VOC2007")
    base = ["dataset", "voc", "--root", root, "--train", "trainval", "--test", "test", "--output", str(tmp_path / "o")]
    assert main([*base, "--no-check"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [category["name"] for category in summary["categories"]] == ["Platelets", "RBC", "WBC"]
    assert summary["splits"]["prune"]["image_count"] == 58  # a fifth of 292
    assert main([*base, "--categories", "RBC,WBC"]) == 2
    assert "class 'Platelets' is not among the categories RBC, WBC" in failure(capsys)
    assert main([*base, "--categories", "RBC,RBC"]) == 2
    assert "must be different names" in failure(capsys)
    assert main([*base, "--prune", "gone"]) == 2
    assert "the lists of this folder are: test, train, trainval, val" in failure(capsys)


@needs_bccd
def test_voc_years_below_a_root_prune_held_out_and_limited(tmp_path, capsys):
    (tmp_path / "VOCdevkit").mkdir()
    (tmp_path / "VOCdevkit/VOC2007").symlink_to(BCCD / "VOCdevkit/VOC2007")
    lists = ("--train", "VOC2007/train", "--train", "VOC2007/val", "--test", "VOC2007/test")
    root, output = tmp_path / "VOCdevkit", tmp_path / "out"
    command = ["dataset", "voc", "--root", str(root), *lists, "--prune-fraction", "0.1", "--output", str(output)]
    assert main([*command, "--limit", "train", "20"]) == 0
    manifest = json.loads(capsys.readouterr().out)
    assert {name: entry["image_count"] for name, entry in manifest["splits"].items()} == {
        "train": 20,  # of 263
        "prune": 29,
        "test": 72,
    }
    assert manifest["protocol"] == {"held_out": {"prune": 0.1}, "limit": {"train": 20}}
    split = read_split(output, "train")
    assert split.images == root
    assert split.annotations.images[0].file_name.startswith("VOC2007/JPEGImages/BloodImage_")
    assert split.annotations.difficult is not None
    assert main([*command, "--train", "VOC2007/test"]) == 2
    assert "image is in the splits" in failure(capsys)


def test_limits_keep_the_first_images(scenes, tmp_path, capsys):
    arguments = ("--train", *source(scenes, "train"), "--test", *source(scenes, "test"), "--output", tmp_path)
    assert coco(*arguments, "--limit", "test", 2, "--limit", "train", 100) == 0
    assert read_split(tmp_path, "test").annotations.image_ids.tolist() == [1, 2]
    assert json.loads(capsys.readouterr().out)["splits"]["train"]["image_count"] == 10  # fewer than the limit: all
    assert coco(*arguments, "--limit", "all", 2) == 2
    assert "'all' is not one of 'train', 'prune', 'test'" in failure(capsys)


def test_coco_without_a_train_split(tmp_path, run_command):
    made = run_command("dataset", "scenes", "--train", 1, "--prune", 8, "--test", 1, "--output", tmp_path / "scenes")
    assert made.status == 0, made.err
    split = tmp_path / "scenes/prune.json", tmp_path / "scenes/images/prune"
    done = run_command("dataset", "coco", "--prune", *split, "--test-fraction", 0.5, "--output", tmp_path / "coco")
    assert done.status == 0, done.err
    assert {name: entry["image_count"] for name, entry in done.json["splits"].items()} == {
        "train": 0,
        "prune": 4,
        "test": 4,
    }
    found = {name: json.loads((tmp_path / f"coco/{name}.json").read_text()) for name in ("train", "prune", "test")}
    assert found["train"]["images"] == found["train"]["annotations"] == []
    assert found["train"]["categories"] == found["prune"]["categories"]
    ids = [{image["id"] for image in found[name]["images"]} for name in ("prune", "test")]
    assert not ids[0] & ids[1] and len(ids[0] | ids[1]) == 8
    done = run_command("dataset", "coco", "--test", *split, "--output", tmp_path / "none")
    assert done.status == 2
    assert "no images to search on: give --train, --prune or both" in done.error_line
