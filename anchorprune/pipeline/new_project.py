"""A new project's folder: its name, the splits it is given, and its one file."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from anchorprune.errors import UserError
from anchorprune.files import whole_file
from anchorprune.pipeline.project import Project, as_yaml
from anchorprune.pipeline.records import NAME


def project_name(folder: Path, name: str | None, config: Path = Path("config")) -> str:
    """The name of a project: as given, or made from its folder's.

    Args:
        folder: of the project.
        name: what the user calls it; None: nothing.
        config: the shipped configuration, whose names it may not take: the project's file is laid over it, and equal
            names would mix.

    Raises:
        UserError: the name cannot become a folder, or is taken.
    """
    found = name or re.sub(r"[^A-Za-z0-9.]+", "-", folder.absolute().name).strip("-.")
    if not re.fullmatch(NAME, found):
        raise UserError(f"--name {found!r} becomes a folder: use letters, digits, dots and dashes, a letter first")
    for file in sorted(config.glob("*.yaml")):
        shipped = yaml.safe_load(file.read_text()) or {}
        for section in ("datasets", "detectors", "experiments", "groups"):
            if found in shipped.get(section, {}):
                raise UserError(f"--name {found!r} is taken by {file} ({section}); choose another")
    return found


def check_free(folder: Path) -> None:
    """See that a project can go to a folder.

    Raises:
        UserError: it is there and not an empty folder.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"{folder}: is there already and not an empty folder; choose another")


def given_splits(places: Mapping[str, tuple[Path | None, Path | None]]) -> dict[str, tuple[Path, Path]]:
    """The annotation file and the image folder of each split that has a file.

    Args:
        places: split -> annotation file and image folder; the folder of prune stands for those that are not given.

    Raises:
        UserError: a split has images and no annotations.
    """
    for split, (annotations, images) in places.items():
        if annotations is None and images is not None:
            raise UserError(f"--{split}-images goes with --{split}-annotations")
    default = places["prune"][1]
    return {split: (file, images or default) for split, (file, images) in places.items() if file is not None}


def write_project(folder: Path, project: Project) -> Path:
    """Write a project's configuration, which is to be run from any folder; returns the file.

    Args:
        folder: of the project; made if missing.
        project: what it says; relative paths are made absolute.
    """
    file = folder / "experiments.yaml"
    absolute = replace(
        project,
        config=project.config if "::" in project.config else str(Path(project.config).absolute()),
        weights=project.weights.absolute(),
        splits={split: (file.absolute(), images.absolute()) for split, (file, images) in project.splits.items()},
    )
    with whole_file(file) as partial:
        partial.write_text(as_yaml(absolute, file), encoding="utf-8")
    return file
