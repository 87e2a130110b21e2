"""Records of results, `anchorprune verify`, and what is said of a damaged intermediate."""

import hashlib
import json
import shutil

import numpy as np
import pytest
from backends.trained import CONFIG, write_data

from anchorprune.files import whole_file, write_json

PIPELINE = (
    "train {config} --backend linear --name few --annotations data/train.json --images data/images/train"
    " --output r/d/train",
    "predict r/d/train data/prune.json data/images/prune --output r/d/predictions.parquet",
    "search r/d/predictions.parquet data/prune.json --method greedy --budget 0.5 --folds 2 --resamples 20 --threads 1"
    " --output r/d/search",
    "slice r/d/train r/d/search/layout-0.5.json --output r/d/0.5/slice",
    "retrain r/d/0.5/slice --finetune r/d/0.5/slice --known r/d/retrained --annotations data/train.json"
    " --images data/images/train --output r/d/0.5/retrained",
    "evaluate r/d/train data/test.json data/images/test --output r/d/train/evaluate",
    "evaluate r/d/0.5/slice data/test.json data/images/test --reference r/d/train/evaluate"
    " --output r/d/0.5/slice/evaluate",
    "score r/d/predictions.parquet data/prune.json --layout r/d/search/layout-0.5.json --output r/d/score.json",
)
# Result -> the command that reads it, and the words with which its record names that command
READERS = {
    "r/d/train/weights.npz": 1,
    "r/d/train/head.json": 3,
    "r/d/train/detector.json": 1,
    "r/d/predictions.parquet": 2,
    "r/d/search/layout-0.5.json": 3,
    "r/d/0.5/slice/weights.npz": 4,
    "r/d/train/evaluate/detections.json": 6,
    "r/d/train/evaluate/metrics.json": 6,
}


def words(number):
    return PIPELINE[number].format(config=CONFIG).split()


@pytest.fixture(scope="module")
def made(made_once, run_command):
    """A small pipeline's results, made by commands in their working folder."""

    def make(folder):
        write_data(folder / "data", train=40, prune=20, test=20)
        for number in range(len(PIPELINE)):
            done = run_command(*words(number), cwd=folder)
            assert done.status == 0, done.err

    return made_once("verified", make)


@pytest.fixture
def mine(made, tmp_path):
    """A copy that a test may break."""
    return shutil.copytree(made, tmp_path / "project")


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_record_says_what_was_made_of_what(made):
    record = json.loads((made / "r/d/0.5/slice/slice.record.json").read_text())
    assert record["command"] == "slice"
    assert record["folder"] == "r/d/0.5/slice"
    assert record["arguments"] == {
        "detector": ["r/d/train"],
        "layout": "r/d/search/layout-0.5.json",
        "output": "r/d/0.5/slice",
    }
    read = [f"r/d/train/{name}" for name in ("detector.json", "head.json", "weights.npz")]
    read += ["r/d/search/layout-0.5.json"]
    assert record["inputs"] == {name: sha256(made / name) for name in read}
    wrote = ("detector.json", "head.json", "weights.npz")
    assert record["outputs"] == {name: sha256(made / "r/d/0.5/slice" / name) for name in wrote}
    assert record["libraries"]["numpy"] == np.__version__


def test_every_command_leaves_one_record(made):
    found = sorted(path.relative_to(made / "r/d").as_posix() for path in (made / "r").rglob("*.record.json"))
    assert found == [
        "0.5/retrained/retrain.record.json",
        "0.5/slice/evaluate/evaluate.record.json",
        "0.5/slice/slice.record.json",
        "predictions.record.json",
        "score.record.json",
        "search/search.record.json",
        "train/evaluate/evaluate.record.json",
        "train/train.record.json",
    ]


def test_a_record_does_not_depend_on_threads_or_folder(mine, run_command):
    file = mine / "r/d/search/search.record.json"
    before = json.loads(file.read_text())
    assert str(mine) not in file.read_text()
    again = [word if word != "1" else "2" for word in words(2)]
    assert run_command(*again, cwd=mine).status == 0
    after = json.loads(file.read_text())
    assert after.pop("libraries").items() >= before.pop("libraries").items()  # other tests here may have imported more
    assert after == before


def test_all_fits(made, run_command):
    done = run_command("verify", "r", cwd=made)
    assert done.status == 0, done.err
    assert done.json == {
        "folder": "r",
        "records": 8,
        "damaged": [],
        "changed": [],
        "notes": [],
        "removed": [],
        "remake": [],
    }
    elsewhere = run_command("verify", made / "r", cwd="/")
    assert (elsewhere.status, elsewhere.json["damaged"], elsewhere.json["changed"]) == (0, [], [])


def broken(file, how):
    """Cut a file off, change bytes in its middle, or empty it."""
    data = file.read_bytes()
    middle = len(data) // 2
    if how == "cut off":
        data = data[:middle]
    elif how == "random bytes":
        noise = np.random.default_rng(0).integers(0, 256, 8).astype(np.uint8).tobytes()
        data = data[:middle] + noise + data[middle + 8 :]
    else:
        data = b""
    assert data != file.read_bytes()
    file.write_bytes(data)


@pytest.mark.parametrize("how", ["cut off", "random bytes", "emptied"])
@pytest.mark.parametrize("name", READERS)
def test_a_damaged_intermediate_is_named_and_remade(mine, run_command, name, how):
    file, reader = mine / name, READERS[name]
    whole = sha256(file)
    broken(file, how)
    done = run_command(*words(reader), cwd=mine)
    assert done.status == 2
    assert len(done.err.strip().splitlines()) == 1
    assert done.err.startswith(f"anchorprune: error: {name}: damaged or changed since it was made; `anchorprune verify")

    found = run_command("verify", "r", cwd=mine)
    assert found.status == 1
    assert [line.split(": ")[0] for line in found.json["damaged"]] == [name]
    assert found.json["changed"] == []
    removed = run_command("verify", "r", "--remove", cwd=mine)
    assert removed.status == 1
    assert name in removed.json["removed"]
    asked_for = {"weights.npz": "detector.json", "detections.json": "metrics.json"}.get(file.name)
    assert (name if asked_for is None else f"{name.rpartition('/')[0]}/{asked_for}") in [
        *removed.json["remake"],
        *([name] if file.name == "head.json" else []),
    ]
    assert not file.exists()
    assert not (file.parent / "detector.json").exists() or "evaluate" in name
    maker = next(n for n in range(len(PIPELINE)) if str(file.parent).endswith(words(n)[-1]) or name == words(n)[-1])
    assert run_command(*words(maker), cwd=mine).status == 0
    assert sha256(file) == whole
    assert run_command("verify", "r", cwd=mine).status == 0


def test_damage_goes_when_the_command_runs_again(mine, run_command):
    """A backend may take a training for finished by other files; damaged weights must not pass for its result."""
    weights = mine / "r/d/0.5/retrained/weights.npz"
    whole = sha256(weights)
    broken(weights, "random bytes")
    done = run_command(*words(4), cwd=mine)
    assert done.status == 0
    assert "weights.npz: damaged since it was made; made again" in done.err
    assert sha256(weights) == whole


def test_damaged_weights_are_not_taken_over(mine, run_command):
    broken(mine / "r/d/0.5/retrained/weights.npz", "random bytes")
    arguments = [word.replace("0.5/retrained", "0.5/second") for word in words(4)]
    done = run_command(*arguments, cwd=mine)
    assert done.status == 0
    assert "r/d/0.5/retrained: damaged since it was trained; not taken over" in done.err
    assert run_command("verify", "r/d/0.5/second", cwd=mine).status == 0


def test_a_damaged_note_of_what_is_trained_is_written_again(mine, run_command):
    (note,) = (mine / "r/d/retrained").glob("*.json")
    whole = note.read_bytes()
    for how in ("cut off", "emptied"):
        broken(note, how)
        assert run_command(*words(4), cwd=mine).status == 0
        assert note.read_bytes() == whole


def test_a_changed_input_is_named_with_the_result(mine, run_command):
    prune = mine / "data/prune.json"
    prune.write_text(prune.read_text() + " ")
    done = run_command("verify", "r", cwd=mine)
    assert done.status == 1
    assert done.json["damaged"] == []
    results = {line.partition(": has changed since ")[::2] for line in done.json["changed"]}
    made_from_it = ("r/d/predictions.parquet", "r/d/search", "r/d/score.json")
    assert results == {("data/prune.json", f"{name} was made from it") for name in made_from_it}
    assert run_command("verify", "r", "--remove", cwd=mine).json["removed"] == []
    prune.unlink()
    assert "data/prune.json: is gone or cannot be read since" in run_command("verify", "r", cwd=mine).err


def test_a_result_made_of_what_is_made_anew_since(mine, run_command):
    arguments = [*words(0), "--seed", "1"]
    assert run_command(*arguments, cwd=mine).status == 0
    done = run_command("verify", "r", cwd=mine)
    assert done.status == 1
    assert done.json["damaged"] == []
    assert any(
        line.startswith("r/d/train/weights.npz: has changed since r/d/0.5/slice") for line in done.json["changed"]
    )


def test_other_versions_are_notes(mine, run_command):
    for path in (mine / "r").rglob("*.record.json"):
        record = json.loads(path.read_text())
        record |= {"commit": "abc", "libraries": {"numpy": "0.1"}}
        path.write_text(json.dumps(record))
    done = run_command("verify", "r", cwd=mine)
    assert done.status == 0
    assert done.json["notes"] == [
        "8 results were made by commit abc, now unknown",
        f"8 results were made with numpy 0.1, now {np.__version__}",
    ]


def test_a_result_without_a_record_is_a_note(mine, run_command):
    (mine / "r/d/score.record.json").unlink()
    done = run_command("verify", "r", cwd=mine)
    assert done.status == 0
    assert [line.partition(":")[0] for line in done.json["notes"]] == ["r/d/score.json"]
    done = run_command("verify", "data/images", cwd=mine)
    assert done.status == 2
    assert done.error_line.startswith("anchorprune: error: data/images: no records of results")


@pytest.mark.parametrize("how", ["cut off", "emptied"])
def test_a_damaged_record(mine, run_command, how):
    record = mine / "r/d/0.5/slice/slice.record.json"
    broken(record, how)
    done = run_command("verify", "r", "--remove", cwd=mine)
    assert done.status == 1
    assert done.json["damaged"][0].startswith("r/d/0.5/slice/slice.record.json: not valid JSON")
    names = ("detector.json", "head.json", "weights.npz", "slice.record.json")
    assert {path.split("/")[-1] for path in done.json["removed"]} == set(names)
    assert run_command(*words(3), cwd=mine).status == 0
    assert run_command("verify", "r", cwd=mine).status == 0


def test_a_record_cannot_name_files_elsewhere(mine, run_command):
    path = mine / "r/d/score.record.json"
    record = json.loads(path.read_text())
    record["outputs"] = {"../../data/test.json": "0"}
    path.write_text(json.dumps(record))
    done = run_command("verify", "r", "--remove", cwd=mine)
    assert done.status == 1
    assert "not a record of version 1" in done.err
    assert (mine / "data/test.json").exists()


def test_a_command_that_fails_leaves_the_record(mine, run_command):
    record = mine / "r/d/0.5/slice/evaluate/evaluate.record.json"
    before = record.read_bytes()
    assert run_command(*words(6)[:-1], "r/d/0.5/slice/evaluate", "--threads", "0", cwd=mine).status == 2
    (mine / "data/images/test").rename(mine / "data/images/away")
    assert run_command(*words(6), cwd=mine).status == 2
    assert record.read_bytes() == before


def test_what_a_killed_writer_left_goes_with_the_next_write(tmp_path, monkeypatch):
    left, busy = tmp_path / ".partial-front-abc.csv", tmp_path / "busy.json"
    left.write_text("half")
    with whole_file(busy) as partial:
        monkeypatch.setattr("anchorprune.files._swept", set())  # as another process
        write_json(tmp_path / "front.json", 1)
        assert not left.exists()
        assert partial.exists()
        partial.write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {"busy.json", "front.json"}
