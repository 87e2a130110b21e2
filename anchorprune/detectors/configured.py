"""The detectors of a configuration against the backends there are, and their files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anchorprune.detectors.anchor_dropout import AnchorDropout
from anchorprune.detectors.protocols import Backend, Foresighted
from anchorprune.detectors.registry import DEFAULT, backend, check_known, trains
from anchorprune.errors import UserError
from anchorprune.pipeline.config_files import read_config_file
from anchorprune.pipeline.experiments import Plan

_NO_FILE = ("hub", "none")  # what `backbone_weights` can say besides a file


def used_backends(file: Path) -> set[str]:
    """The backends of a configuration file's detectors; none where it has no detectors, or cannot be read."""
    try:
        detectors = read_config_file(file).get("detectors")
    except UserError:
        return set()
    given = detectors.values() if isinstance(detectors, Mapping) else ()
    return {str(one.get("backend", DEFAULT)) for one in given if isinstance(one, Mapping)}


def check_detectors(plan: Plan, source: str = "config") -> None:
    """See that every detector has its backend, that those to be deployed have ONNX models, and that files are there.

    Args:
        plan: whose detectors are checked; deployment and files only of the experiments that it runs.
        source: the configuration's name in errors.

    Raises:
        UserError: naming the key.
    """
    detectors, known = plan.config["detectors"], {}  # a backend is looked up once: it means to read package metadata
    for name, detector in detectors.items():
        if known.setdefault(detector["backend"], name) == name:
            check_known(detector["backend"], f"{source}: detectors.{name}.backend")
    picked = {e.detector: detectors[e.detector] for e in plan.run}
    chosen: dict[str, Backend] = {}
    for name, detector in picked.items():
        if detector["backend"] not in chosen:
            chosen[detector["backend"]] = backend(detector["backend"], f"{source}: detectors.{name}")
    for experiment in plan.run:
        name = picked[experiment.detector]["backend"]
        if experiment.deploy and not chosen[name].exports:
            where = f"{source}: experiments.{experiment.key}"
            raise UserError(f"{where}.deploy: `deploy` does not take detectors of backend {name!r}; leave it out")
        if experiment.retrain != "none" and not trains(chosen[name]):
            where = f"{source}: experiments.{experiment.key}"
            raise UserError(f"{where}.retrain: detectors of backend {name!r} are not trained here; give retrain: none")
    for name, detector in picked.items():
        _check_files(detector, chosen[detector["backend"]], f"{source}: detectors.{name}")


def _check_files(detector: Mapping[str, Any], chosen: Backend, where: str) -> None:
    """See that what a detector is made from is there, and is what its backend takes."""
    config, weights = detector["config"], detector.get("weights")
    given = {"config": None if "::" in config else config, "weights": weights}
    given |= {f"{key}.backbone_weights": detector[key].get("backbone_weights") for key in ("training", "finetuning")}
    for key, path in given.items():
        if path not in (None, *_NO_FILE) and "://" not in path and not Path(path).expanduser().is_file():
            wrong = "is no file" if Path(path).exists() else "does not exist"
            raise UserError(f"{where}.{key}: {path} {wrong}; put it there or mend the path")
    for key in ("training", "finetuning"):
        _check_dropout(detector[key].get("anchor_dropout"), f"{where}.{key}")
    if hasattr(chosen, "check_given"):
        offering: Foresighted = chosen
        try:
            offering.check_given(config, None if weights is None else Path(weights))
        except UserError as error:
            raise UserError(f"{where}: {error}") from None


def _check_dropout(settings: Mapping[str, Any] | None, where: str) -> None:
    if settings is None:
        return
    try:
        front = AnchorDropout.of(settings).front
    except UserError as error:
        raise UserError(f"{where}.{error}") from None
    if front is not None and not Path(front).is_file():
        raise UserError(f"{where}.anchor_dropout.front: {front} does not exist; give a finished search's front.csv")
