import dataclasses
import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from oracles.generate import HEAD, make, write

from anchorprune.errors import UserError
from anchorprune.heads.predictions import COLUMNS, Postprocess, Predictions, PredictionsWriter
from anchorprune.scoring import Scorer

POST = Postprocess(0.02, 0.45, 1000, 200, 0, False)


@pytest.fixture
def made(tmp_path):
    annotations, candidates = make(3, images=5)
    return write(tmp_path / "p.parquet", candidates, POST), annotations, candidates


def rewrite(path, change=lambda table: table, metadata=lambda values: values):
    table = pq.read_table(path)
    kept = metadata({k.decode(): v.decode() for k, v in table.schema.metadata.items()})
    pq.write_table(change(table).replace_schema_metadata(kept), path)


def set_value(name, row, value):
    def change(table):
        values = table.column(name).to_numpy().copy()
        values[row] = value
        return table.set_column(table.schema.get_field_index(name), name, pa.array(values))

    return change


def test_what_is_written_is_read(made):
    predictions, _, candidates = made
    assert (predictions.head, predictions.postprocess) == (HEAD, POST)
    assert predictions.provenance == {"made_by": "tests"}
    for left, right in zip(dataclasses.astuple(predictions.load()), dataclasses.astuple(candidates), strict=True):
        np.testing.assert_array_equal(left, right)


def test_post_processing_that_counts_per_level_is_written_as_version_1(made):
    """Programs of before read it: the six keys, no version."""
    metadata = pq.read_schema(made[0].path).metadata
    value = json.loads(metadata[b"postprocess"])
    assert list(value) == ["score_threshold", "nms_iou", "nms_pre", "max_per_image", "min_size", "class_agnostic"]


def test_post_processing_that_counts_per_class_is_version_2(made, tmp_path):
    post = dataclasses.replace(POST, nms_pre_per="class")
    path = write(tmp_path / "q.parquet", made[2], post).path
    value = json.loads(pq.read_schema(path).metadata[b"postprocess"])
    assert (value["version"], value["nms_pre_per"]) == (2, "class")
    assert Predictions.open(path).postprocess == post


def test_same_rows_same_bytes(made, tmp_path):
    write(tmp_path / "again.parquet", made[2], POST)
    assert (tmp_path / "again.parquet").read_bytes() == made[0].path.read_bytes()


def test_a_failed_writer_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), PredictionsWriter(tmp_path / "p.parquet", HEAD, POST, {}) as writer:
        writer.add(1, [1], [0], [0.5], [[0, 0, 1, 1]])
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


WRITE = """
import resource, sys, numpy as np
from anchorprune.heads.head import Head, Level
from anchorprune.heads.predictions import Postprocess, PredictionsWriter
head = Head("h", (9, 9), 1, (Level(9, (1, 1), 0, 0, ((9.0, 9.0),)),))
numbers, rows = np.random.default_rng(0).random(20000).astype(np.float32), 20000
with PredictionsWriter(sys.argv[1], head, Postprocess(0.0, 0.5), {}) as writer:
    for image in range(int(sys.argv[2])):
        writer.add(image, np.ones(rows), np.zeros(rows), numbers, np.zeros((rows, 4)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def test_writing_takes_the_same_memory_for_four_times_the_images(tmp_path):
    """2 and 8 million rows of 34 bytes: the file's data grow by 200 MB."""
    words = [sys.executable, "-c", WRITE, str(tmp_path / "p.parquet")]
    once, four = (
        float(subprocess.run([*words, images], capture_output=True, text=True, check=True).stdout)
        for images in ("100", "400")
    )
    assert four - once < 50


def test_images_must_ascend(tmp_path):
    with pytest.raises(ValueError, match="ascending"), PredictionsWriter(tmp_path / "p", HEAD, POST, {}) as writer:
        writer.add(2, [1], [0], [0.5], [[0, 0, 1, 1]])
        writer.add(2, [1], [0], [0.5], [[0, 0, 1, 1]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop_columns(["anchor"]), "column 'anchor' is missing"),
        (set_value("score", 2, np.float32("nan")), "row 2 has a score"),
        (set_value("score", 0, np.float32(1.5)), "row 0 has a score"),
        (set_value("anchor", 1, 9), "row 1 has an anchor outside the head"),
        (set_value("x2", 1, np.float32(-5)), "row 1 has x2 < x1"),
        (set_value("y1", 0, np.float32("inf")), "row 0 has a box that is not finite"),
        (set_value("image_id", 0, 10**6), "row 1 comes after a higher image_id"),
        (lambda t: t.slice(0, 0), "no candidates"),
        (lambda t: t.set_column(3, "score", t.column("score").cast("float64")), "'score' is double"),
        (lambda t: t.set_column(2, "anchor", pa.nulls(len(t), "int16")), "empty values"),
    ],
)
def test_bad_rows_are_refused_by_name(made, change, message):
    rewrite(made[0].path, change)
    with pytest.raises(UserError, match=message) as error:
        Predictions.open(made[0].path).load()
    assert str(made[0].path) in str(error.value)
    assert "\n" not in str(error.value)


def test_images_out_of_order_between_two_parts_are_refused(made):
    rewrite(made[0].path, set_value("image_id", slice(4, None), -1))
    with pytest.raises(UserError, match="row 4 comes after a higher image_id"):
        list(Predictions.open(made[0].path).batches(4))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("head", None, "no key 'head'"),
        ("head", "{", "not valid JSON"),
        ("head", json.dumps({**HEAD.to_dict(), "version": 9}), "version 9"),
        ("postprocess", json.dumps({"nms_iou": 0.5}), "exactly the keys"),
        ("postprocess", json.dumps({**POST.to_dict(), "version": 3}), "version 3"),
        ("postprocess", json.dumps({**POST.to_dict(), "nms_pre_per": "image"}), "nms_pre_per is 'image'"),
        ("provenance", "[]", "must be a JSON object"),
    ],
)
def test_bad_metadata_is_refused_by_name(made, key, value, message):
    def change(values):
        return {k: v for k, v in {**values, key: value}.items() if v is not None}

    rewrite(made[0].path, metadata=change)
    with pytest.raises(UserError, match=message):
        Predictions.open(made[0].path)


@pytest.mark.parametrize("content", [b"", b"hello", None])
def test_what_is_no_parquet_file_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "p.parquet").write_bytes(content)
    with pytest.raises(UserError, match=r"not a parquet file|no such predictions"):
        Predictions.open(tmp_path / "p.parquet")


def test_annotations_of_another_data_set_are_refused(made):
    predictions, annotations, _ = made
    fewer = dataclasses.replace(annotations, images=annotations.images[:1], image_index=annotations.image_index * 0)
    with pytest.raises(UserError, match=r"image_id .* not in the annotations"):
        Scorer(predictions, fewer)
    other = dataclasses.replace(annotations, category_ids=annotations.category_ids + 100)
    with pytest.raises(UserError, match=r"category_id .* not in the annotations"):
        Scorer(predictions, other)


def test_a_threshold_above_every_score_is_refused(tmp_path):
    annotations, candidates = make(3, images=5)
    predictions = write(tmp_path / "p.parquet", candidates, dataclasses.replace(POST, score_threshold=1.0))
    with pytest.raises(UserError, match="score threshold"):
        Scorer(predictions, annotations)


def test_no_torch_is_needed():
    code = "import anchorprune.scoring, anchorprune.search.run, sys; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_columns_are_those_of_the_format():
    assert list(COLUMNS) == ["image_id", "category_id", "anchor", "score", "x1", "y1", "x2", "y2"]
