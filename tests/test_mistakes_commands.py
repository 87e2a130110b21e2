"""Mistakes in commands: each ends in one line with status 2, and nothing is written."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from oracles.generate import HEAD, make, write

from anchorprune.cli import COMMANDS
from anchorprune.datasets.coco_writer import write_coco
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Postprocess

# The words of a command, and below them the line; `...` in one stands for what a library says, or a list.
LINES = (Path(__file__).parent / "mistakes/commands.txt").read_text().splitlines()
MISTAKES = list(zip(LINES[::2], map(str.strip, LINES[1::2]), strict=True))

IMAGE = {"id": 1, "file_name": "1.png", "width": 9, "height": 9}
BOX = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "area": 4, "iscrowd": 0}
COCO = {"images": [IMAGE], "annotations": [BOX], "categories": [{"id": 1, "name": "cat"}]}
# Annotation files that are none, or not of what they are given with.
WRONG = {
    "no-categories": {key: value for key, value in COCO.items() if key != "categories"},
    "no-images": {key: value for key, value in COCO.items() if key != "images"},
    "twice": {**COCO, "images": [IMAGE, IMAGE]},
    "outside": {**COCO, "images": [{**IMAGE, "file_name": "../1.png"}]},
    "unknown": {**COCO, "annotations": [{**BOX, "category_id": 7}]},
    "other": COCO,
    "list": [],
    "layout": {"version": 1, "head": "other", "kept": [0]},
    "nothing-kept": {"version": 1, "head": HEAD.name, "kept": []},
    "newer": {"version": 9, "head": HEAD.name, "kept": [0]},
    "negative": {"strides": [8], "levels": [[[-1, 2]]]},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Files that commands are given; none of them writes another."""
    base = tmp_path_factory.mktemp("mistakes")
    annotations, candidates = make(0)
    write(base / "p.parquet", candidates, Postprocess(0.05, 0.45, None, 200, 0, False))
    write_coco(annotations, base / "a.json")
    HEAD.save(base / "head.json")
    Layout.full(HEAD).save(base / "full.json")
    for name, value in WRONG.items():
        (base / f"{name}.json").write_text(json.dumps(value))
    (base / "cut.json").write_text((base / "a.json").read_text()[:100])
    (base / "text.json").write_text("hello")
    (base / "empty.parquet").write_text("")
    (base / "folder").mkdir()
    (base / "folder/file").write_text("")
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (base / "voc" / name).mkdir(parents=True)
    (base / "voc/ImageSets/Main/train.txt").write_text("1\n")
    return base


@pytest.mark.parametrize(("words", "line"), MISTAKES, ids=[words for words, _ in MISTAKES])
def test_a_mistake_is_one_line(folder, run_command, words, line):
    before = sorted(folder.rglob("*"))
    done = run_command(*words.split(), cwd=folder)
    assert done.status == 2, done.out
    errors = [one for one in done.err.splitlines() if not one.startswith("p.parquet: does not say on which images")]
    assert errors == [done.error_line]
    said = done.error_line.removeprefix("anchorprune: error: ")
    assert re.fullmatch(".*".join(map(re.escape, line.split("..."))), said), said
    assert sorted(folder.rglob("*")) == before


def test_every_command_has_some():
    asked = Counter(words.split()[0] for words, _ in MISTAKES)
    assert not {name for name in COMMANDS if asked[name] < 3}
    assert asked.total() == len({words for words, _ in MISTAKES})
