"""The plan of a run on a cluster, kept for its jobs: what is edited meanwhile counts for the next run only.

Each job there is a Snakemake of its own, which reads the Snakefile and the configuration when it starts, maybe days
after the run was planned. It gets the configuration of its run from a file that the run has written. Code is not
copied: where that has changed, the job ends before it does anything.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

import anchorprune
from anchorprune.errors import UserError
from anchorprune.files import whole_file

_FOLDER = "anchorprune-plans"  # below .snakemake
_CODE = "code_of_this_run"  # key beside the configuration's own


def code_of(snakefile_folder: Path, detectors: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The files that a job reads besides its inputs, each with its SHA-256: rules, package, configs of detectors.

    Args:
        snakefile_folder: where the Snakefile lies; nowhere, where Snakemake took it from a commit of a repository.
        detectors: of the configuration.
    """
    package = Path(anchorprune.__file__).parent
    files = [snakefile_folder / "Snakefile", *snakefile_folder.glob("rules/*"), *package.rglob("*.py")]
    files += [Path(detector["config"]).absolute() for detector in detectors.values()]
    return {str(path): _digest(path) for path in sorted(set(files)) if path.is_file()}


def keep_plan(config: Mapping[str, Any], code: Mapping[str, str], folder: Path) -> Path:
    """Write the plan of a run for its jobs. Those of earlier runs go: jobs that are left of them end at their start.

    Args:
        config: the configuration as Snakemake read it, command line and all.
        code: as `code_of` found it when the run was planned.
        folder: Snakemake's own.

    Returns:
        The file, as a configuration file for the jobs' Snakemake.
    """
    text = yaml.safe_dump(_plain({**config, _CODE: dict(code)}), sort_keys=False)
    path = (folder / _FOLDER / f"{uuid4()}.yaml").absolute()
    with whole_file(path) as partial:
        partial.write_text(text)
    for other in path.parent.glob("*.yaml"):
        if other != path:
            other.unlink()
    return path


def is_kept(config_files: Iterable[Path]) -> bool:
    """Whether a Snakemake was started with a kept plan, by its files of configuration: it is a job's."""
    return any(Path(path).parent.name == _FOLDER for path in config_files)


def take_code(config: dict[str, Any]) -> dict[str, str]:
    """Take the code out of a kept plan, which leaves the configuration."""
    return config.pop(_CODE)


def check_code(code: Mapping[str, str]) -> None:
    """See that the code is that which the run was planned with.

    Raises:
        UserError: naming the first file that is not.
    """
    for name, digest in code.items():
        path = Path(name)
        if not path.is_file() or _digest(path) != digest:
            shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
            raise UserError(f"{shown}: changed while this run goes on; undo the change, or run snakemake again")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _plain(value: Any) -> Any:
    """A configuration in plain dicts and lists, of which alone YAML knows."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
