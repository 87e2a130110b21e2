"""The pipeline's data: what is fetched, what is missing, what a rule reads."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from running.pipeline import SMALLEST, snakemake

PRUNE_LIST = "config/splits/coco2017-prune.txt"


def configured(folder: Path, dataset: dict) -> tuple[str, ...]:
    """A configuration whose one experiment is on `dataset`."""
    (folder / "mine.yaml").write_text(yaml.safe_dump({**SMALLEST, "datasets": {"few-scenes": dataset}}))
    return "--configfile", "mine.yaml"


@pytest.mark.parametrize(
    ("dataset", "rule", "inputs"),
    [
        (
            {"kind": "coco2017", "root": "coco", "download": True},
            "download_coco2017",
            ["coco/annotations/instances_train2017.json", "coco/annotations/instances_val2017.json", PRUNE_LIST],
        ),
        (
            {
                "kind": "voc",
                "root": "VOC",
                "train": ["VOC2012/trainval"],
                "prune": 0.1,
                "test": "VOC2007/test",
                "download": True,
            },
            "download_voc0712",
            ["VOC/VOC2012/ImageSets/Main/trainval.txt", "VOC/VOC2007/ImageSets/Main/test.txt"],
        ),
    ],
    ids=["coco2017", "voc0712"],
)
def test_a_download_is_planned_and_read_by_the_data_set(project, dataset, rule, inputs):
    planned = snakemake(project, "--dry-run", *configured(project, dataset)).stdout
    assert f"rule {rule}:" in planned
    job = planned.partition("\ncheckpoint dataset:")[2].splitlines()
    assert job[1].strip() == f"input: {', '.join(inputs)}"


def test_data_that_is_not_there_ends_the_run_in_one_line(project):
    done = snakemake(project, "--dry-run", *configured(project, {"kind": "coco2017", "root": "coco"}), check=False)
    assert done.returncode != 0
    assert done.stderr.strip().splitlines()[-1] == (
        "anchorprune: error: datasets.few-scenes.root: coco/annotations/instances_train2017.json does not exist; "
        "put it there, mend the path, or run: anchorprune download coco2017 --root coco"
    )


@pytest.mark.long
def test_coco_with_limits_through_the_rule(project, shared_data):
    """And a second run does nothing, whether or not a download is asked for: the data is there."""
    dataset = {"kind": "coco2017", "root": str(shared_data / "coco2017_subset"), "prune_fraction": 0.2}
    dataset["limit"] = {"train": 4, "prune": 3, "test": 2}
    made = "results/data/few-scenes/dataset.json"
    snakemake(project, made, *configured(project, dataset))
    splits = json.loads((project / made).read_text())["splits"]
    assert {name: entry["image_count"] for name, entry in splits.items()} == dataset["limit"]
    again = snakemake(project, made, *configured(project, {**dataset, "download": True}))
    assert "Nothing to be done" in again.stderr + again.stdout


@pytest.mark.long
def test_a_corrected_voc_box_is_read_again(project, shared_data):
    shutil.copytree(shared_data / "bccd/VOCdevkit/VOC2007", project / "voc")
    dataset = {"kind": "voc", "root": "voc", "train": "train", "prune": "val", "test": "test"}
    made = "results/data/few-scenes/dataset.json"
    arguments = (made, *configured(project, dataset))
    snakemake(project, *arguments)
    assert "Nothing to be done" in snakemake(project, *arguments).stderr
    file = next(path for path in sorted((project / "voc").rglob("*.xml")) if ">RBC<" in path.read_text())
    file.write_text(file.read_text().replace(">RBC<", ">RBX<", 1))
    snakemake(project, *arguments)
    assert "RBX" in [category["name"] for category in json.loads((project / made).read_text())["categories"]]


def test_images_are_known_as_sha256sum_knows_them(project):
    made = "results/data/few-scenes/dataset.json"
    snakemake(project, made, "--configfile", "mine.yaml")
    folder = (project / made).parent
    for name in ("train", "prune", "test"):
        check = ["sha256sum", "--check", "--quiet", "--strict", str(folder / f"{name}.sha256")]
        subprocess.run(check, cwd=folder / "images" / name, check=True)
        lines = (folder / f"{name}.sha256").read_text().splitlines()
        assert [line.split("  ")[1] for line in lines] == [
            image["file_name"] for image in json.loads((folder / f"{name}.json").read_text())["images"]
        ]
