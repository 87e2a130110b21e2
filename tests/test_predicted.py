"""Predictions are scored on the images they were made on: the fingerprint of a split, and who refuses another's."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from backends.trained import train, write_data
from oracles.generate import HEAD, make
from oracles.reference import coco_dict
from running.command import ROOT

from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.predicted import split_fingerprint
from anchorprune.heads.predictions import Postprocess, Predictions, PredictionsWriter

LINE = "was made on other images or categories than those of"
NOTE = "does not say on which images it was made; taken to be those of"


def change(**fields):
    """Of the first image."""
    return lambda data: data["images"][0].update(fields)


def lose_an_image(data):
    number = data["images"].pop()["id"]
    data["annotations"] = [record for record in data["annotations"] if record["image_id"] != number]


OTHERS = {
    "another file": change(file_name="other.jpg"),
    "another width": change(width=65),
    "another height": change(height=65),
    "one more image": lambda data: data["images"].append({"id": 99, "file_name": "a.jpg", "width": 64, "height": 64}),
    "one more category": lambda data: data["categories"].append({"id": 99, "name": "more"}),
}


def reverse(data):
    for records in data.values():
        records.reverse()


SAME = {
    "in another order": reverse,
    "other boxes": lambda data: data["annotations"].pop(),
    "other names of classes": lambda data: data["categories"][0].update(name="renamed"),
}


@pytest.fixture
def split(tmp_path) -> tuple[Path, Path]:
    """A predictions file with the fingerprint of its annotations, and those."""
    annotations, candidates = make(3, images=6)
    (tmp_path / "a.json").write_text(json.dumps(coco_dict(annotations)))
    return written(tmp_path / "p.parquet", candidates, split_fingerprint(read_coco(tmp_path / "a.json"))), (
        tmp_path / "a.json"
    )


def written(path, candidates, fingerprint):
    facts = {"program": "theirs"} | ({} if fingerprint is None else {"annotations": fingerprint})
    with PredictionsWriter(path, HEAD, Postprocess(0.0, 0.5), facts) as writer:
        for image in sorted(set(candidates.image_id.tolist())):
            rows = candidates.image_id == image
            columns = (getattr(candidates, name)[rows] for name in ("category_id", "anchor", "score", "boxes"))
            writer.add(image, *columns)
    return path


def spoilt(path: Path, spoil) -> Path:
    value = json.loads(path.read_text())
    spoil(value)
    other = path.with_name("other.json")
    other.write_text(json.dumps(value))
    return other


def commands(predictions, annotations, output):
    yield "score", predictions, annotations
    yield "compare", predictions, annotations, "--keep", "0,1", "--resamples", 2
    yield "search", predictions, annotations, "--method", "greedy", "--resamples", 0, "--output", output / "searched"
    yield "shapes", predictions, annotations, "--output", output / "shapes"


@pytest.mark.parametrize("name", OTHERS)
def test_another_split_is_refused(split, name, tmp_path, run_command):
    predictions, annotations = split
    other = spoilt(annotations, OTHERS[name])
    for words in commands(predictions, other, tmp_path):
        done = run_command(*words)
        assert done.status == 2, words
        assert f"{predictions}: {LINE} {other}; give the annotations of the split" in done.error_line
    search = next(words for words in commands(predictions, annotations, tmp_path) if words[0] == "search")
    done = run_command(*search, "--report", predictions, other)
    assert done.status == 2
    assert f"{LINE} {other}" in done.error_line
    assert not (tmp_path / "searched/front.csv").exists()


def test_an_image_less_is_another_split(split, run_command):
    done = run_command("score", split[0], spoilt(split[1], lose_an_image))
    assert done.status == 2
    assert LINE in done.error_line


@pytest.mark.parametrize("name", SAME)
def test_the_same_images_are_the_same_split(split, name, run_command):
    done = run_command("score", split[0], spoilt(split[1], SAME[name]))
    assert done.status == 0, done.err
    assert done.err == ""


@pytest.mark.parametrize("given", [None, "data/prune.json", 7])
def test_a_file_without_a_fingerprint_is_read_with_a_note(given, tmp_path, run_command):
    annotations, candidates = make(3, images=6)
    (tmp_path / "a.json").write_text(json.dumps(coco_dict(annotations)))
    predictions = written(tmp_path / "p.parquet", candidates, given)
    note = f"{predictions}: {NOTE} {tmp_path / 'a.json'}"
    for words in commands(predictions, tmp_path / "a.json", tmp_path):
        done = run_command(*words)
        assert done.status == 0, done.err
        assert done.err.splitlines().count(note) == 1, words


def test_the_fingerprint_is_that_of_the_documentation(tmp_path):
    """Of names that are no ASCII, in a file in no order."""
    sizes = {9: 61, 2: 68, 2**40: 10, 0: 70}
    images = [{"id": n, "file_name": f"ä/{n}.jpg", "width": width, "height": 60} for n, width in sizes.items()]
    categories = [{"id": n, "name": str(n)} for n in (5, 1)]
    file = tmp_path / "annotations.json"
    file.write_text(json.dumps({"images": images, "annotations": [], "categories": categories}))
    (program,) = re.findall(r"```py\n(.*?)```", (ROOT / "docs/own-predictions.md").read_text(), re.DOTALL)
    program = f"import json\n{program}\nprint(provenance['annotations'])"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    text = r'[[1,5],[[0,70,60,"\u00e4/0.jpg"],[2,68,60,"\u00e4/2.jpg"],[9,61,60,"\u00e4/9.jpg"],'
    text += r'[1099511627776,10,60,"\u00e4/1099511627776.jpg"]]]'
    assert done.stdout.strip() == "sha256:" + hashlib.sha256(text.encode("ascii")).hexdigest()
    assert done.stdout.strip() == split_fingerprint(read_coco(file))


def test_predict_writes_it(tmp_path, run_command):
    data = write_data(tmp_path / "scenes", train=8, prune=3, test=3)
    train(data, tmp_path / "detector")
    split = data / "prune.json", data / "images/prune"
    done = run_command("predict", tmp_path / "detector", *split, "--output", tmp_path / "p.parquet")
    assert done.status == 0, done.err
    provenance = json.loads(pq.read_schema(tmp_path / "p.parquet").metadata[b"provenance"])
    assert provenance["annotations_file"] == str(data / "prune.json")
    images = [[n, 128, 128, f"prune-00000{n}.png"] for n in (1, 2, 3)]
    text = json.dumps([[1, 2, 3], images], separators=(",", ":"))
    assert provenance["annotations"] == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert Predictions.open(tmp_path / "p.parquet").num_rows
    done = run_command("score", tmp_path / "p.parquet", data / "prune.json")
    assert (done.status, done.err) == (0, "")
    assert read_coco(data / "prune.json").image_ids.tolist() == read_coco(data / "test.json").image_ids.tolist()
    done = run_command("score", tmp_path / "p.parquet", data / "test.json")
    assert done.status == 2
    assert f"{LINE} {data / 'test.json'}" in done.error_line
