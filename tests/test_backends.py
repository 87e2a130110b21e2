"""Backends: found by name, and named by a detector's folder."""

import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest
from backends.trained import train, write_data
from running.command import ROOT

from anchorprune.detectors import protocols as protocol
from anchorprune.detectors import registry
from anchorprune.detectors.configured import used_backends
from anchorprune.detectors.folder import backend_of, whole_folder
from anchorprune.detectors.protocols import Backend
from anchorprune.detectors.registry import backend, backend_at, load, names
from anchorprune.errors import UserError
from anchorprune.heads.layout import Layout
from anchorprune.pipeline.checkup import Finding


@pytest.fixture(scope="module")
def linear(tmp_path_factory) -> Path:
    """A linear detector's folder."""
    data = write_data(tmp_path_factory.mktemp("scenes"), train=12, prune=1, test=1)
    train(data, data / "linear")
    return data / "linear"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a package that brings a backend; it is an entry point and nothing else."""

    def install(name: str, value: str) -> None:
        folder = tmp_path / "site" / f"{name}-1.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: the-{name}\nVersion: 1\n")
        (folder / "entry_points.txt").write_text(f"[anchorprune.backends]\n{name} = {value}\n")
        monkeypatch.syspath_prepend(folder.parent)

    return install


def test_names_of_ours_come_first_and_installed_ones_are_found(installed):
    assert names() == ("mmdet", "torchvision", "onnx", "linear")
    installed("another", "no.such:BACKEND")
    assert names() == ("mmdet", "torchvision", "onnx", "another", "linear")


@pytest.mark.parametrize("name", names())
def test_a_backend_has_every_member(name):
    found = backend(name)
    assert isinstance(found, Backend)
    assert found.name == name


def test_naming_mmdet_imports_no_framework():
    program = "import sys; from anchorprune.detectors.registry import backend; backend('mmdet'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "mmdet", "mmcv", "mmengine"} & set(done.stdout.split())


def test_an_unknown_backend():
    with pytest.raises(UserError, match=r"^detector: unknown backend 'tiny'; known: mmdet, torchvision, onnx, linear"):
        backend("tiny")


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("no_such_module:BACKEND", r"does not load \(No module named 'no_such_module'\); mend or reinstall"),
        ("json:BACKEND", r"does not load \(module 'json' has no attribute 'BACKEND'\); mend or reinstall"),
        ("json:loads", "json:loads lacks members of a backend; see docs/how-to-add.md"),
    ],
)
def test_a_broken_package(installed, value, line):
    installed("broken", value)
    with pytest.raises(UserError, match=rf"^backend 'broken' of the installed package the-broken:? ?{line}"):
        backend("broken")


def test_doctor_names_a_broken_package(installed, monkeypatch):
    monkeypatch.setattr(registry, "OURS", {})
    installed("broken", "no_such_module:BACKEND")
    found = {one.name: one for one in registry.findings()}
    assert found["linear-detector"].ok
    assert not found["backend broken"].ok
    assert found["backend broken"].text.endswith("mend or reinstall the package")


@pytest.mark.parametrize(
    ("installed", "used", "needed"),
    [
        ((), (), {"mmdet"}),  # the default, where there is none at all
        (("torch",), (), {"mmdet"}),
        (("torch", "torchvision"), (), {"torchvision"}),
        (("torch", "torchvision"), {"mmdet"}, {"mmdet", "torchvision"}),
        (("torch", "onedl-mmcv"), (), {"mmdet"}),
        ((), {"torchvision"}, {"torchvision"}),
    ],
)
def test_doctor_asks_for_backends_that_are_there_or_used(monkeypatch, installed, used, needed):
    def version(name):
        if name not in installed:
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(registry, "version", version)
    for name in registry.OURS:
        one = SimpleNamespace(name=name, distributions=backend(name).distributions)
        one.findings = lambda name=name: [Finding(name, False, "missing")]
        monkeypatch.setitem(registry.OURS, name, one)
    monkeypatch.setattr(registry, "backend", lambda name: registry.OURS.get(name) or backend(name))
    ours = [one for one in registry.findings(used) if one.name in registry.OURS]
    assert {one.name for one in ours if one.required} == needed


def test_backends_of_a_configuration(tmp_path):
    file = tmp_path / "experiments.yaml"
    file.write_text("detectors: {one: {config: a, backend: torchvision}, two: {config: b}}")
    assert used_backends(file) == {"mmdet", "torchvision"}
    file.write_text("datasets: {}")
    assert used_backends(file) == used_backends(tmp_path / "none.yaml") == set()


def test_a_folder_names_its_backend(linear, tmp_path):
    assert backend_of(linear) == "linear"
    assert json.loads((linear / "detector.json").read_text())["version"] == 1
    for name in ("config.py", "weights.pth"):
        with pytest.raises(UserError, match="it has no detector"):
            backend_of(tmp_path)
        (tmp_path / name).touch()
    assert backend_of(tmp_path) == "mmdet"  # as versions until 0.2 wrote it
    assert backend_at([tmp_path / "config.py", tmp_path / "weights.pth"]).name == "mmdet"


@pytest.mark.parametrize(
    ("record", "line"),
    [
        ('{"version": 2, "backend": "linear"}', "not a detector's record of version 1; make the folder again"),
        ('{"version": 1}', "not a detector's record of version 1; make the folder again"),
        ("[]", "not a detector's record of version 1; make the folder again"),
        ('{"version": 1, "back', "not valid JSON"),
        (
            '{"version": 1, "backend": "tiny"}',
            "unknown backend 'tiny'; known: mmdet, torchvision, onnx, linear; install",
        ),
    ],
)
def test_a_record_that_is_none(tmp_path, record, line):
    (tmp_path / "detector.json").write_text(record)
    with pytest.raises(UserError) as caught:
        backend_at([tmp_path])
    assert str(caught.value).startswith(f"{tmp_path}/detector.json: {line}")


def test_the_record_goes_first_and_comes_last(tmp_path):
    record = tmp_path / "detector.json"
    with whole_folder(tmp_path, "linear", fact=[1]):
        assert not record.exists()
        (tmp_path / "weights").write_bytes(b"abc")
    files = {"weights": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}  # FIPS 180-2, B.1
    assert json.loads(record.read_text()) == {"version": 1, "backend": "linear", "files": files, "fact": [1]}
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path, "linear"):
        raise ZeroDivisionError
    assert not record.exists()


def test_a_slice_that_fails_leaves_no_detector(linear, tmp_path, monkeypatch):
    detector = load([linear])
    layout = Layout.keep(detector.head, (0, 4))
    detector.slice(layout, tmp_path)
    assert load([tmp_path]).head.num_anchors == 2
    monkeypatch.setattr("numpy.savez", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        detector.slice(layout, tmp_path)
    with pytest.raises(UserError, match="it has no detector"):
        load([tmp_path])


def section():
    """What the page says of a backend."""
    return (ROOT / "docs/how-to-add.md").read_text().partition("## A backend")[2].partition("\n## ")[0]


def test_the_page_lists_every_member():
    page = section()
    for protocols in (
        (protocol.Backend, protocol.Returning, protocol.Foresighted),
        (protocol.Detector, protocol.Exportable),
    ):
        title = f"| `{protocols[0].__name__}` |"
        (table,) = (part for part in page.split("\n\n") if part.startswith(title))
        listed = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}
        members = {name for one in protocols for name in (*one.__annotations__, *vars(one)) if not name.startswith("_")}
        assert listed == members


def test_the_commands_of_the_page(run_command, tmp_path):
    commands = [line.split() for line in re.findall(r"^    anchorprune (.*)$", section(), re.MULTILINE)]
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    done = [run_command(*words, cwd=tmp_path) for words in commands]
    assert [one.status for one in done] == [0] * 6, [one.err for one in done]
    assert done[-1].json["ap"] > 0.05
