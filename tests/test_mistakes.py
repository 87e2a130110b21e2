"""Mistakes in a configuration: each ends in one line before the first job, with the key, what is wrong and a remedy."""

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from running.pipeline import SCHEMA, SMALLEST

from anchorprune.detectors.configured import check_detectors
from anchorprune.errors import UserError
from anchorprune.pipeline.arguments import dataset_arguments
from anchorprune.pipeline.experiments import plan
from anchorprune.pipeline.sources import check_given_files

BASE = {**SMALLEST, "searches": {"greedy": {"method": "greedy"}}}
GOOD = "&good {annotations: a.json, images: .}"
# Short for a data set of the kind that the experiment is on, and for its anchor set.
PLACES = {
    **{kind: ("datasets", "few-scenes") for kind in ("coco", "coco2017", "voc")},
    "plain": ("detectors", "ssd-few", "anchor_sets", "plain"),
}

# What is laid over a configuration that works, and below it the line; `...` in one stands for a list of names.
LINES = (Path(__file__).parent / "mistakes/configuration.txt").read_text().splitlines()
MISTAKES = list(zip(LINES[::2], map(str.strip, LINES[1::2]), strict=True))


def place(folder: Path) -> Path:
    """Files that configurations name, in a folder."""
    (folder / "voc/ImageSets/Main").mkdir(parents=True)
    (folder / "voc/Annotations").mkdir()
    (folder / "voc/ImageSets/Main/train.txt").write_text("1\n")
    (folder / "a.json").write_text("{}")
    for name, text in (("list", "[]"), ("cut", '{"images": [{"id"'), ("empty", ""), ("page", "<!doctype html>")):
        (folder / f"{name}.json").write_text(text)
    (folder / "page.pth").write_text("<!doctype html>")
    (folder / "published.csv").write_text("detector,source\nssd300_vgg16,x\n")
    (folder / "config").symlink_to(SCHEMA.parents[1])
    return folder


def laid_over(config: dict[str, Any], change: dict[str, Any]) -> None:
    """As Snakemake lays one configuration over another: mappings are joined, all else is replaced."""
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            laid_over(config[key], value)
        else:
            config[key] = value


def check(text: str) -> Mapping[str, Any]:
    """Check the configuration as rules/common.smk does; returns it with its defaults."""
    section = text.partition(":")[0]
    change = yaml.safe_load(f"good: {GOOD}\n{text}")
    del change["good"]
    config = copy.deepcopy(BASE)
    if section in PLACES:
        *path, name = PLACES[section]
        holder = config
        for key in path:
            holder = holder[key]
        given = change[section]
        holder[name] = {**holder[name], **given} if section == "plain" else {"kind": section, **given}
    else:
        laid_over(config, change)
    chosen = plan(config, SCHEMA)
    check_detectors(chosen)
    check_given_files(chosen, Path("published.csv"))
    return chosen.config


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(place(tmp_path))
    return tmp_path


def test_what_the_mistakes_are_laid_over_is_right(folder):
    check("run: [smallest]")


@pytest.mark.parametrize(("text", "line"), MISTAKES, ids=[text for text, _ in MISTAKES])
def test_a_mistake_is_one_line(folder, text, line):
    before = sorted(folder.rglob("*"))
    with pytest.raises(UserError) as error:
        check(text)
    assert re.fullmatch(".*".join(map(re.escape, line.split("..."))), str(error.value)), str(error.value)
    assert sorted(folder.rglob("*")) == before


@pytest.mark.detectors
@pytest.mark.parametrize(
    ("config", "line"),
    [
        ("mmdet::ssd/ssd300_coc.py", "mmdet has no such config; did you mean 'ssd/ssd300_coco.py'?"),
        ("mmdet::nothing.py", "mmdet has no such config; its own are below ..."),
        ("mmdt::ssd/ssd300_coco.py", "no package 'mmdt' is installed; mmdet's own are mmdet::FOLDER/NAME.py"),
    ],
)
def test_a_config_that_mmdet_has_not(folder, config, line):
    test_a_mistake_is_one_line(
        folder, f"detectors: {{ssd-few: {{config: '{config}'}}}}", f"config: detectors.ssd-few: {config}: {line}"
    )


def test_a_config_of_mmdet_is_not_known_where_mmdet_is_not_installed(folder, monkeypatch):
    monkeypatch.setattr("anchorprune.detectors.mmdet.backend.is_there", lambda module: False)
    check("detectors: {ssd-few: {config: 'mmdet::nothing.py'}}")


@pytest.mark.parametrize("given", ["prune: 0.25", "prune_fraction: 0.25"])
def test_a_share_has_one_name_and_an_older_one(folder, given):
    (folder / "voc/ImageSets/Main/test.txt").write_text("2\n")
    dataset = check(f"voc: {{root: voc, {given}}}")["datasets"]["few-scenes"]
    words = ["--prune-fraction", "0.25", "--root", "voc", "--seed", "0", "--test", "test", "--train", "train"]
    assert dataset_arguments(dataset) == ["voc", *words]


def test_there_are_many():
    assert len({text for text, _ in MISTAKES}) == len(MISTAKES) >= 100
