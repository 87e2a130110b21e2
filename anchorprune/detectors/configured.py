"""The detectors of a configuration against the backends there are."""

from anchorprune.detectors.registry import backend, check_known
from anchorprune.errors import UserError
from anchorprune.pipeline.experiments import Plan


def check_detectors(plan: Plan, source: str = "config") -> None:
    """See that every detector has its backend, and that those to be deployed have ONNX models.

    Args:
        plan: whose detectors are checked; deployment only of the experiments that it runs.
        source: the configuration's name in errors.

    Raises:
        UserError: naming the key.
    """
    detectors, known = plan.config["detectors"], {}  # a backend is looked up once: it means to read package metadata
    for name, detector in detectors.items():
        if known.setdefault(detector["backend"], name) == name:
            check_known(detector["backend"], f"{source}: detectors.{name}.backend")
    used = {}
    for experiment in plan.run:
        name, where = detectors[experiment.detector]["backend"], f"{source}: experiments.{experiment.name}"
        if name not in used:
            used[name] = backend(name, where)
        if experiment.deploy and not used[name].exports:
            raise UserError(f"{where}.deploy: detectors of backend {name!r} have no ONNX models; leave deploy out")
