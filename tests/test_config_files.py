"""Configuration files as they are written: what is no configuration, with the line of it."""

import pytest

from anchorprune.errors import UserError
from anchorprune.pipeline.config_files import check_config_files, read_config_file

CONFIG = "a configuration is `key: value` lines, see config/README.md"
MISTAKES = {
    "": f"is empty; {CONFIG}",
    "# nothing\n": f"is empty; {CONFIG}",
    "- run\n": f"is a list; {CONFIG}",
    "[1]": f"is a list; {CONFIG}",
    "run demo": f"is one text, without any key; {CONFIG}",
    "run: [demo]\nrun: [paper]\n": "line 2: key 'run' is on line 1 too; remove one",
    "experiments:\n  a: {}\n  b: {}\n  a: {}\n": "line 4: key 'a' is on line 2 too; remove one",
    "l: [{a: 1, a: 2}]\n": "line 1: key 'a' is on line 1 too; remove one",
    '{"run": ["demo"],\n "run": []}': "line 2: key 'run' is on line 1 too; remove one",
    "run:\n\t- demo\n": "line 2, column 1: a tab, where only spaces may be; mend the YAML there",
    "a: 1\n---\nb: 2\n": "line 2, column 1: but found another document; mend the YAML there",
    "a: *gone\n": "line 1, column 4: found undefined alias; mend the YAML there",
    "a: 1\n  b: 2\n": "line 2, column 4: mapping values are not allowed in this context; mend the YAML there",
    "ratios: [1:2]\n": "line 1: YAML takes 1:2 for a number in base 60; write a decimal, or quote it",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_one_line(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(UserError) as error:
        check_config_files([tmp_path / "mine.yaml"])
    assert str(error.value) == f"mine.yaml: {MISTAKES[text]}"


def test_no_file_of_text(tmp_path):
    with pytest.raises(UserError, match=r"gone.yaml: no such configuration file; check the path"):
        read_config_file(tmp_path / "gone.yaml")
    with pytest.raises(UserError, match=r"cannot read this configuration file \(.*Is a directory"):
        read_config_file(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"run: \xe9\n")
    with pytest.raises(UserError, match=r"latin.yaml: cannot read this configuration file \('utf-8' codec"):
        read_config_file(tmp_path / "latin.yaml")


def test_what_is_right_is_read(tmp_path):
    """Anchors, merged keys, an alias to itself, and a text with a colon."""
    (tmp_path / "mine.yaml").write_text("a: &a {b: 1}\nc: {<<: *a, b: 2}\nd: &d [*d]\ne: '1:2'\nf: mmdet::x.py\n")
    read = read_config_file(tmp_path / "mine.yaml")
    assert {key: read[key] for key in "acef"} == {"a": {"b": 1}, "c": {"b": 2}, "e": "1:2", "f": "mmdet::x.py"}
    assert read["d"][0] is read["d"]
