"""The kinds of data sets: the registry against the command, the schema and its description, and a kind made up here."""

import csv
import inspect
import re
from pathlib import Path

import pytest
import yaml

from anchorprune.commands.dataset import command
from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.coco_writer import write_coco
from anchorprune.datasets.finishing import finish
from anchorprune.datasets.kinds import KINDS, kind_of
from anchorprune.datasets.kinds.coco2017 import PRUNE_LIST
from anchorprune.datasets.kinds.data_kind import Kind, Source
from anchorprune.datasets.prepared import read_split
from anchorprune.datasets.prepared_writer import Preparation, write_dataset
from anchorprune.datasets.scenes import write_scenes
from anchorprune.datasets.splits import SPLITS, Split, subset
from anchorprune.downloads.table import COLLECTIONS
from anchorprune.errors import UserError
from anchorprune.pipeline.arguments import dataset_arguments
from anchorprune.pipeline.experiments import plan
from anchorprune.pipeline.sources import annotation_files, check_sources, remedy, source_paths

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "config/schemas/experiments.schema.yaml"


@pytest.fixture(scope="module")
def schema() -> dict:
    return yaml.safe_load(SCHEMA.read_text())["$defs"]


def test_the_schema_and_its_description_list_the_registered_kinds(schema):
    assert schema["dataset"]["properties"]["kind"]["enum"] == list(KINDS)
    assert [form["$ref"].rpartition("/")[2] for form in schema["dataset"]["oneOf"]] == list(KINDS)
    line = next(line for line in (ROOT / "config/README.md").read_text().splitlines() if line.startswith("| `kind`"))
    assert set(re.findall(r"`(\w+)`", line)) == {"kind", *KINDS}


def test_each_kind_has_a_sub_command_whose_options_it_takes():
    assert set(command.commands) == set(KINDS)
    for name, kind in KINDS.items():
        options = {"output"} | {option.name for option in command.commands[name].params}
        assert set(inspect.signature(kind.prepare).parameters) == options, name


A, B = ({"annotations": f"{name}.json", "images": name} for name in "ab")
# Kind, settings of the configuration, and what its sub-command is to make of them.
SETTINGS = [
    ("scenes", {"train": 5, "prune": 2, "test": 3, "size": 64, "seed": 1}, {}),
    (
        "coco",
        {"train": A, "prune_fraction": 0.2, "test_fraction": 0.1, "seed": 1},
        {"train": (Path("a.json"), Path("a")), "prune": None, "test": None},
    ),
    (
        "coco",
        {"prune": A, "test": B, "limit": {"test": 2}},
        {"train": None, "prune": (Path("a.json"), Path("a")), "test": (Path("b.json"), Path("b"))},
    ),
    (
        "coco2017",
        {"root": "r", "protocol": "release", "prune": "list.txt", "seed": 1, "download": True},
        {"root": Path("r"), "prune": Path("list.txt"), "prune_fraction": None, "limit": {}},
    ),
    (
        "coco2017",
        {"root": "r", "prune_fraction": 0.25, "limit": {"train": 3, "prune": 2, "test": 1}},
        {"root": Path("r"), "prune": PRUNE_LIST, "prune_fraction": 0.25, "protocol": "heldout"},
    ),
    (
        "voc",
        {"root": "r", "train": ["a", "b"], "prune_fraction": 0.25, "test": "c", "seed": 1, "download": True},
        {"root": Path("r"), "train": ("a", "b"), "prune": (), "prune_fraction": 0.25, "test": ("c",)},
    ),
    (
        "voc",
        {"root": "r", "train": "a", "prune": "b", "test": ["c", "d"], "limit": {"test": 1}},
        {"root": Path("r"), "train": ("a",), "prune": ("b",), "test": ("c", "d"), "categories": None},
    ),
    (
        "voc",
        {"root": "r", "prune": 0.25, "test_fraction": 0.1, "categories": ["traffic light", "car"]},
        {
            "root": Path("r"),
            "prune": (),
            "prune_fraction": 0.25,
            "test": (),
            "categories": ("traffic light", "car"),
        },
    ),
]


def test_the_settings_above_name_every_key_of_the_schema(schema):
    for name in KINDS:
        keys = {"kind"}.union(*(settings for kind, settings, _ in SETTINGS if kind == name))
        assert keys == set(schema[name]["properties"]), name


@pytest.mark.parametrize(("name", "settings", "stated"), SETTINGS)
def test_settings_reach_the_options_of_the_sub_command(name, settings, stated):
    first, *words = dataset_arguments({"kind": name, **settings})
    options = command.commands[first].make_context(first, [*words, "--output", "out"]).params
    same = {key: value for key, value in settings.items() if key not in stated and key != "download"}
    assert first == name
    assert {key: options[key] for key in [*same, *stated]} == {**same, **stated}
    KINDS[name].prepare(**options)


def test_the_schema_and_the_code_agree_on_the_least_size(schema, tmp_path):
    least = schema["scenes"]["properties"]["size"]["minimum"]
    assert len(write_scenes(tmp_path / "least", 0, "train", 1, least).ids)
    with pytest.raises(UserError, match="size is"):
        write_scenes(tmp_path / "less", 0, "train", 1, least - 1)


def test_a_kind_that_can_be_downloaded_names_its_collection(schema):
    assert {kind.collection for kind in KINDS.values()} - {None} <= set(COLLECTIONS)
    for name, kind in KINDS.items():
        assert (kind.collection is not None) == ("download" in schema[name]["properties"]), name


@pytest.mark.parametrize(
    ("settings", "given"),
    [
        ({"train": {}, "prune": {}, "test": {}}, SPLITS),
        ({"train": {}, "test_fraction": 0.1}, SPLITS),
        ({"train": {}}, ("train", "prune")),
        ({"prune": {}, "test_fraction": 0.1}, ("prune", "test")),
        ({"test": {}}, ("test",)),
    ],
)
def test_splits_of_coco_files(settings, given):
    assert tuple(KINDS["coco"].splits(settings)) == given


def test_an_unknown_kind_is_named():
    for settings, name in (({"kind": "cocoa"}, "'cocoa'"), ({}, "None")):
        with pytest.raises(UserError, match=f"called {name}; known: scenes, coco, coco2017, voc"):
            kind_of(settings)


# A kind of data set made up here: a table of image numbers and the split of each, beside COCO annotations of them all.
def _read_table(path: str | Path) -> dict[str, list[int]]:
    with Path(path).open() as stream:
        rows = list(csv.DictReader(stream))
    return {name: [int(row["image"]) for row in rows if row["split"] == name] for name in ("prune", "test")}


def _prepare(output: Path, table: Path, annotations: Path, images: Path) -> Preparation:
    def make(folder: Path) -> dict[str, Split]:
        whole = read_coco(annotations)
        found = {name: Split(subset(whole, ids), images) for name, ids in _read_table(table).items()}
        return finish(found, output, {}, check=True)

    return Preparation(make, inputs=[annotations], protocol={"table": str(table)})


TABLE = Kind(
    "table",
    _prepare,
    sources=lambda settings: [Source(key, settings[key]) for key in ("table", "annotations", "images")],
    dated_by=(".csv", ".json"),
    splits=lambda settings: ("prune", "test"),
    options=lambda settings: {"image-folder" if key == "images" else key: value for key, value in settings.items()},
)


@pytest.fixture
def table(tmp_path, monkeypatch) -> dict[str, str]:
    """The settings of a data set of the made-up kind, whose files are not there yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(KINDS, "table", TABLE)
    return {"kind": "table", "table": "splits.csv", "annotations": "all.json", "images": "photos"}


def test_a_new_kind_is_known_to_the_pipeline(table):
    assert source_paths(table) == [("table", "splits.csv"), ("annotations", "all.json"), ("images", "photos")]
    assert annotation_files(table) == ["splits.csv", "all.json"]
    assert remedy(table, source_paths(table)[0]) == "put it there or mend the path"
    words = ["--annotations", "all.json", "--image-folder", "photos", "--table", "splits.csv"]
    assert dataset_arguments(table) == ["table", *words]
    for path, key in (("splits.csv", "table"), ("all.json", "annotations"), ("photos", "images")):
        with pytest.raises(UserError, match=rf"datasets\.mine\.{key}: {path} does not exist; put it there or mend"):
            check_sources("mine", table)
        Path(path).touch()
    check_sources("mine", table)


def test_a_new_kind_is_prepared(table):
    write_coco(write_scenes("photos", 0, "train", 5, 64), "all.json")
    Path("splits.csv").write_text("image,split\n1,prune\n2,test\n3,prune\n4,unused\n5,test\n")
    made = TABLE.prepare(Path("out"), Path(table["table"]), Path(table["annotations"]), Path(table["images"]))
    manifest = write_dataset("out", "table", made)
    assert (manifest["kind"], manifest["seed"], manifest["protocol"]) == ("table", None, {"table": "splits.csv"})
    assert manifest["splits"]["train"]["image_count"] == 0
    found = {name: read_split("out", name).annotations.image_ids.tolist() for name in ("prune", "test")}
    assert found == {"prune": [1, 3], "test": [2, 5]}
    made = TABLE.prepare(Path(), Path(table["table"]), Path("out/prune.json"), Path(table["images"]))
    with pytest.raises(UserError, match=r"out/prune\.json: the output would overwrite this input"):
        write_dataset("out", "table", made)


def test_a_new_kind_without_train_is_for_detectors_that_are_not_trained(table):
    schema = yaml.safe_load(SCHEMA.read_text())
    kinds = schema["$defs"]["dataset"]
    kinds["properties"]["kind"]["enum"].append("table")
    kinds["oneOf"].append({"$ref": "#/$defs/table"})
    schema["$defs"]["table"] = {"type": "object", "properties": {"kind": {"const": "table"}}}
    Path("schema.yaml").write_text(yaml.safe_dump(schema))
    experiment = {"detector": "own", "dataset": "mine", "anchor_sets": ["own"], "searches": ["best"], "budgets": [0.5]}
    config = {
        "run": ["mine"],
        "datasets": {"mine": table},
        "detectors": {"own": {"config": "c.py", "weights": "w.pth", "anchor_sets": {"own": {"from": "config"}}}},
        "searches": {"best": {"method": "best"}},
        "experiments": {"mine": {**experiment, "retrain": "none"}},
    }
    assert plan(config, "schema.yaml").run[0].dataset == "mine"
    config["experiments"]["mine"]["retrain"] = "finetune"
    with pytest.raises(UserError, match=r"retrain: finetune needs a train split; give datasets\.mine\.train"):
        plan(config, "schema.yaml")
