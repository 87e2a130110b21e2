"""COCO 2017 in its own layout: the two protocols, the list of the prune split, limits."""

import json
from pathlib import Path

import pytest

from anchorprune.cli import main
from anchorprune.datasets.held_out import read_image_list
from anchorprune.datasets.kinds.coco2017 import PRUNE_LIST
from anchorprune.datasets.prepared import read_split
from anchorprune.errors import UserError

ROOT = Path(__file__).parents[1]
SPLITS = ("train", "prune", "test")


@pytest.fixture(scope="module")
def subset(shared_data) -> Path:
    """209 images of train2017 and 206 of val2017, laid out as COCO is."""
    return shared_data / "coco2017_subset"


def coco2017(root, output, *arguments) -> int:
    return main(["dataset", "coco2017", *map(str, ("--root", root, "--output", output, *arguments))])


def ids(output: Path) -> dict[str, list[int]]:
    return {name: read_split(output, name).annotations.image_ids.tolist() for name in SPLITS}


def error_of(capsys) -> str:
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_the_list_names_5000_images_none_of_them_in_val2017(subset):
    listed = set(read_image_list(ROOT / PRUNE_LIST).tolist())
    assert len(listed) == 5000
    images = {
        part: json.loads((subset / f"annotations/instances_{part}2017.json").read_text()) for part in ("train", "val")
    }
    found = {part: {image["id"] for image in data["images"]} for part, data in images.items()}
    assert len(listed & found["train"]) == 13  # of 209; by chance 9 were to be expected
    assert not listed & found["val"]


def test_heldout_by_a_list(subset, tmp_path, capsys):
    train = json.loads((subset / "annotations/instances_train2017.json").read_text())["images"]
    chosen = sorted(image["id"] for image in train)[::10]
    (tmp_path / "list.txt").write_text("\n".join(map(str, reversed(chosen))))
    assert coco2017(subset, tmp_path / "out", "--prune", tmp_path / "list.txt", "--no-check") == 0
    manifest = json.loads(capsys.readouterr().out)
    assert manifest["kind"] == "coco2017" and manifest["seed"] is None
    assert manifest["protocol"] == {"name": "heldout", "prune_list": str(tmp_path / "list.txt")}
    found = ids(tmp_path / "out")
    assert found["prune"] == chosen
    assert len(found["train"]) == 209 - len(chosen) and not set(found["train"]) & set(chosen)
    assert len(found["test"]) == 206
    assert read_split(tmp_path / "out", "prune").images == subset / "train2017"


def test_heldout_by_a_fraction_with_limits(subset, tmp_path, capsys):
    limits = ("--limit", "train", 16, "--limit", "test", 5)
    assert coco2017(subset, tmp_path, "--prune-fraction", 0.2, "--seed", 3, *limits) == 0
    manifest = json.loads(capsys.readouterr().out)
    assert manifest["protocol"] == {"name": "heldout", "held_out": {"prune": 0.2}, "limit": {"train": 16, "test": 5}}
    assert manifest["seed"] == 3
    found = ids(tmp_path)
    assert {name: len(part) for name, part in found.items()} == {"train": 16, "prune": 42, "test": 5}
    val = json.loads((subset / "annotations/instances_val2017.json").read_text())["images"]
    assert found["test"] == sorted(image["id"] for image in val)[:5]


def test_release_searches_and_reports_on_val2017(subset, tmp_path, capsys):
    assert coco2017(subset, tmp_path, "--protocol", "release", "--no-check") == 0
    assert json.loads(capsys.readouterr().out)["protocol"] == {"name": "release"}
    found = ids(tmp_path)
    assert found["prune"] == found["test"] and len(found["test"]) == 206
    assert len(found["train"]) == 209
    assert (tmp_path / "prune.json").read_bytes() == (tmp_path / "test.json").read_bytes()


def test_release_allows_nothing_else_to_be_shared(subset, tmp_path, capsys):
    (tmp_path / "annotations").mkdir()
    for part in ("train", "val"):
        (tmp_path / f"{part}2017").symlink_to(subset / "val2017")
        (tmp_path / f"annotations/instances_{part}2017.json").symlink_to(subset / "annotations/instances_val2017.json")
    assert coco2017(tmp_path, tmp_path / "out", "--protocol", "release", "--no-check") == 2
    assert "image is in the splits 'train' and 'prune/test'" in error_of(capsys)


def test_the_whole_list_wants_the_whole_of_coco(subset, tmp_path, capsys):
    assert coco2017(subset, tmp_path / "out", "--prune", ROOT / PRUNE_LIST) == 2
    line = error_of(capsys)
    assert "coco2017-prune.txt: 4987 of its 5000 images are not in the train annotations" in line
    assert "--prune-fraction 0.2" in line
    assert not (tmp_path / "out").exists()


def test_a_root_without_coco_is_named(tmp_path, capsys):
    assert coco2017(tmp_path / "gone", tmp_path / "out") == 2
    assert "gone/annotations/instances_train2017.json: no such annotation file" in error_of(capsys)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "this list of image ids is empty"),
        ("1\n2\n1\n", "image id 1 is listed twice"),
        ("1\nx\n", "line 2 is 'x'"),
        ("1\n\n2", "line 2 is ''"),
        ("9" * 30, "line 1 is '999"),
        ("-1", "line 1 is '-1'"),
    ],
)
def test_bad_lists_are_named(tmp_path, text, message):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(UserError, match=message) as error:
        read_image_list(tmp_path / "list.txt")
    assert "list.txt" in str(error.value)
