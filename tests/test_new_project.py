"""A new project's folder, without a detector: its name, the splits it is given, its file."""

from pathlib import Path

import pytest
import yaml

from anchorprune.errors import UserError
from anchorprune.pipeline.new_project import check_free, given_splits, project_name, write_project
from anchorprune.pipeline.project import Project


@pytest.mark.parametrize(
    ("folder", "name", "found"),
    [("mine", None, "mine"), ("a/My cells_2!", None, "My-cells-2"), (".hidden", None, "hidden"), ("x", "v1.0", "v1.0")],
)
def test_a_name_is_given_or_made_of_the_folders(tmp_path, folder, name, found):
    assert project_name(tmp_path / folder, name) == found


def test_names_that_cannot_be(tmp_path):
    with pytest.raises(UserError, match=r"--name '-' becomes a folder: use letters"):
        project_name(tmp_path, "-")
    (tmp_path / "detectors.yaml").write_text("detectors: {mine: {}}\n")
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(UserError, match=r"--name 'mine' is taken by .*detectors\.yaml \(detectors\)"):
        project_name(tmp_path / "mine", None, tmp_path)
    assert project_name(tmp_path / "other", None, tmp_path) == "other"


def test_a_folder_is_free_if_it_is_not_there_or_empty(tmp_path):
    check_free(tmp_path)
    check_free(tmp_path / "new")
    (tmp_path / "file").touch()
    for taken in (tmp_path, tmp_path / "file"):
        with pytest.raises(UserError, match="is there already and not an empty folder"):
            check_free(taken)


def test_images_of_the_prune_split_stand_for_those_that_are_not_given():
    a, b, images, photos = map(Path, ("a.json", "b.json", "images", "photos"))
    places = {"train": (None, None), "prune": (a, images), "test": (b, None)}
    assert given_splits(places) == {"prune": (a, images), "test": (b, images)}
    assert given_splits({**places, "test": (b, photos)})["test"] == (b, photos)
    with pytest.raises(UserError, match="--train-images goes with --train-annotations"):
        given_splits({**places, "train": (None, photos)})


def test_paths_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project = Project("mine", "c.py", Path("w.pth"), {"prune": (Path("a.json"), Path("/photos"))})
    file = write_project(Path("mine"), project)
    assert file == Path("mine/experiments.yaml")
    written = yaml.safe_load(file.read_text())
    assert written["datasets"]["mine"]["prune"] == {"annotations": str(tmp_path / "a.json"), "images": "/photos"}
    detector = written["detectors"]["mine"]
    assert (detector["config"], detector["weights"]) == (str(tmp_path / "c.py"), str(tmp_path / "w.pth"))
    write_project(Path("mine"), Project("mine", "mmdet::ssd/a.py", Path("w.pth"), project.splits))
    assert yaml.safe_load(file.read_text())["detectors"]["mine"]["config"] == "mmdet::ssd/a.py"
