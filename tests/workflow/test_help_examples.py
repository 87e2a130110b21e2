"""The example of every `--help`, pasted after the demo: here a small demo whose results have the same paths."""

import re
import subprocess

import click
import pytest
import yaml
from running.pipeline import link_project, snakemake

from anchorprune.cli import COMMANDS, cli

pytestmark = [pytest.mark.detectors, pytest.mark.long]

SMALL_DEMO = {
    "datasets": {"scenes": {"kind": "scenes", "seed": 0, "train": 80, "prune": 24, "test": 24}},
    "detectors": {"ssd-demo": {"training": {"epochs": 3}, "finetuning": {"epochs": 1}}},
    "experiments": {"demo": {"anchor_sets": ["baseline"], "budgets": [0.4]}},
}
# What has to be fetched first, or trained on it, gigabytes and hours: without it the command says what is not there.
NEEDS_MORE = {"dataset coco2017": "data/coco2017/", "dataset voc": "data/VOCdevkit/", "submission": "results/coco2017/"}
NOT_RUN = ("download",)


def names(command: click.Command, path: tuple[str, ...] = ()) -> list[str]:
    """A command, or those below a group: `control random`."""
    if not isinstance(command, click.Group):
        return [" ".join(path)]
    context = click.Context(command, obj={})
    return [
        name
        for sub in command.list_commands(context)
        for name in names(command.get_command(context, sub), (*path, sub))
    ]


def words_of(text: str) -> list[list[str]]:
    """The words of each command of a help text's example, as a shell reads what is pasted."""
    example = re.search(r"^  Example:\n((?:  .+\n?)+)", text, re.MULTILINE)[1]
    shell = "anchorprune() { printf '%s\\n' \"$@\" ''; }\n" + example
    out = subprocess.run(["bash", "-euc", shell], capture_output=True, text=True, check=True).stdout
    return [command.split("\n") for command in out.removesuffix("\n\n").split("\n\n")]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    link_project(folder)
    (folder / "small.yaml").write_text(yaml.safe_dump(SMALL_DEMO))
    snakemake(folder, "--configfile", "small.yaml")
    return folder


def test_groups_too_have_one(run_command):
    for name, command in ((name, cli.get_command(click.Context(cli, obj={}), name)) for name in COMMANDS):
        if isinstance(command, click.Group):
            assert words_of(run_command(name, "--help").out)[0][0] == name


@pytest.mark.parametrize("name", names(cli))
def test_the_example_works_when_pasted(demo, run_command, name):
    help_text = run_command(*name.split(), "--help").out
    commands = words_of(help_text)
    assert any(words[: len(name.split())] == name.split() for words in commands)
    for words in commands:
        if name in NOT_RUN:
            cli.make_context("anchorprune", words, obj={}, resilient_parsing=False)
            continue
        done = run_command(*words, cwd=demo)
        if name in NEEDS_MORE:
            assert done.status == 2
            assert f"anchorprune: error: {NEEDS_MORE[name]}" in done.error_line
        else:
            assert done.status == 0, done.err
            assert done.json
