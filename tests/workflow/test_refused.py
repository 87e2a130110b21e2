"""Mistakes that a real `snakemake` ends in one line for: nothing is started and nothing written."""

import pytest
from running.pipeline import snakemake

# What mine.yaml is, or "" for the smallest configuration; further arguments; the line.
MISTAKES = [
    ("run: [smallest]\nrun: [demo]\n", "", "mine.yaml: line 2: key 'run' is on line 1 too; remove one"),
    ("a: {r: 1:2}\n", "", "mine.yaml: line 1: YAML takes 1:2 for a number in base 60; write a decimal, or quote it"),
    ("experiments: {demo: {retrains: none}}\n", "", "config: experiments.demo: unknown key 'retrains'; allowed keys: "),
    (
        "detectors: {ssd-demo: {config: gone.py}}\n",
        "",
        "config: detectors.ssd-demo.config: gone.py does not exist; put",
    ),
    ("detectors: {ssd-demo: {weights: mine.yaml}}\n", "", "config: detectors.ssd-demo: mine.yaml: is no checkpoint; "),
    ("experiments: {demo: {published: ssd}}\n", "", "experiments.demo.published: 'ssd' is not in config/published/"),
    ("", "--config run=smalest", "config: run: unknown experiment 'smalest'; known: "),
    ("", "--config runs=demo", "config: top level: unknown key 'runs'; allowed keys: run, groups, datasets, "),
    ("", "--cores 0", "--cores 0: jobs need a core; give 1 or more, or all"),
]


@pytest.mark.parametrize(("text", "words", "line"), MISTAKES, ids=[f"{text}{words}" for text, words, _ in MISTAKES])
def test_one_line_and_nothing_is_started(project, text, words, line):
    if text:
        (project / "mine.yaml").write_text(text)
    done = snakemake(project, "--configfile", "mine.yaml", *words.split(), check=False)
    assert done.returncode == 1
    ours = [one for one in done.stderr.splitlines() if one.startswith("anchorprune: ")]
    assert ours == done.stderr.splitlines()[-1:]
    assert ours[0].startswith(f"anchorprune: error: {line}")
    assert "Traceback" not in done.stderr
    assert not (project / "results").exists()


def test_a_configfile_that_is_not_there_is_snakemakes_to_tell(project, run_command):
    """It is read before our Snakefile: a traceback whose last line names it. Our own command has one line."""
    done = snakemake(project, "--configfile", "gone.yaml", check=False)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].endswith("No such file or directory: 'gone.yaml'")
    assert not (project / "results").exists()
    done = run_command("doctor", "--config", "gone.yaml", cwd=project)
    assert done.status == 1
    assert done.error_line == ("MISSING config: gone.yaml is not here; run from the project's folder or give --config")
