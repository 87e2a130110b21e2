"""mmdet as a backend. Only its methods import mmdet, so that naming a backend costs nothing."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anchorprune.detectors.foreign import Foreign, LookedOver
from anchorprune.detectors.mmdet.card_usage import USAGE
from anchorprune.detectors.mmdet.given_files import packaged, refuse_other_files
from anchorprune.detectors.mmdet.quiet import import_mmdet
from anchorprune.detectors.mmdet.requirements import DISTRIBUTIONS, check_installed, findings
from anchorprune.detectors.training import Schedule, Training
from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from anchorprune.pipeline.checkup import Finding, is_there
from anchorprune.pipeline.gpus import choose_devices, lend

if TYPE_CHECKING:
    from mmengine.config import Config

    from anchorprune.detectors.mmdet.detector import MmdetDetector

LOG = logging.getLogger(__name__)

_NO_GPU = "this torch sees no GPU; `anchorprune doctor` says why"


class MmdetBackend:
    """See `anchorprune.detectors.protocols.Backend`. A detector's files: its folder, or its config and its weights."""

    name = "mmdet"
    distributions = DISTRIBUTIONS
    exports = True
    published: Mapping[str, str] = {
        "config.py": "complete mmdet config",
        "weights.pth": "weights (tensors, and the names of the classes)",
    }
    usage = USAGE

    def load(
        self, files: Sequence[Path], device: str = "auto", threads: int | None = None, batch_size: int = 1
    ) -> "MmdetDetector":
        check_installed()
        lend(device)  # before torch looks for them
        import_mmdet()
        import torch

        from anchorprune.detectors.mmdet.detector import load

        cuda = device != "cpu" and torch.cuda.is_available()
        if device == "cuda" and not cuda:
            raise UserError(f"--device cuda: {_NO_GPU}, --device cpu does without")
        if threads is not None:
            torch.set_num_threads(threads)
        return load(*_config_and_weights(files), "cuda" if cuda else "cpu", batch_size)

    def take_over(self, foreign: Foreign, output: Path, order: str = "config") -> Head:
        self._without_gpu()
        import_mmdet()
        from anchorprune.detectors.mmdet.config.foreign import read_foreign
        from anchorprune.detectors.mmdet.conversion.convert import convert

        trained_with = _anchors(foreign.config if order == "config" and foreign.anchors is not None else order)
        return convert(read_foreign(foreign), foreign.name, output, foreign.weights, trained_with)

    def give_back(self, files: Sequence[Path], output: Path) -> Mapping[str, Any]:
        self._without_gpu()
        import_mmdet()
        from anchorprune.detectors.mmdet.config.compose import read_config
        from anchorprune.detectors.mmdet.conversion.convert_back import convert_back

        config, weights = _config_and_weights(files)
        return convert_back(read_config(config), output, weights)

    def look_over(
        self, foreign: Foreign, classes: str | None, annotations: Path, names: Sequence[str], photo: Path
    ) -> LookedOver:
        self._without_gpu()
        import_mmdet()
        from anchorprune.detectors.mmdet.conversion.takeover import look_over

        return look_over(foreign, classes, annotations, names, photo)

    def train(self, foreign: Foreign, training: Training) -> Schedule:
        self._choose(training)
        from anchorprune.detectors.mmdet.config.foreign import read_foreign

        return self._train(read_foreign(foreign), None, training)

    def retrain(self, files: Sequence[Path], initial: Path | None, training: Training) -> Schedule:
        self._choose(training)
        from anchorprune.detectors.mmdet.config.compose import read_config
        from anchorprune.detectors.mmdet.folder import WEIGHTS

        weights = initial / WEIGHTS if initial is not None and initial.is_dir() else initial
        return self._train(read_config(_config_and_weights(files)[0]), weights, training)

    def check_given(self, config: str, weights: Path | None) -> None:
        package, marker, name = config.partition("::")
        if marker and is_there("mmdet"):  # else the jobs have an environment of their own
            packaged(package, name)
        if weights is not None:
            refuse_other_files(weights)

    def publish(self, files: Sequence[Path], annotations: Path, images: Path, output: Path) -> None:
        self._without_gpu()
        from anchorprune.detectors.mmdet.config.compose import read_config
        from anchorprune.detectors.mmdet.config.runnable import write_runnable
        from anchorprune.detectors.mmdet.weights import read_weights

        config, weights = _config_and_weights(files)
        write_runnable(read_config(config, to_build=False), read_weights(weights), annotations, images, output)

    def findings(self) -> Iterator[Finding]:
        return findings()

    def _without_gpu(self) -> None:
        check_installed()
        choose_devices(processes=1)  # libraries are not to find a GPU that nobody lent

    def _choose(self, training: Training) -> None:
        check_installed()
        choose_devices(training.gpus, training.processes)  # before torch looks for them
        import_mmdet()
        import torch

        if training.gpus is not None and not torch.cuda.is_available():
            raise UserError(f"--gpus {training.gpus}: {_NO_GPU}, --processes does without")

    def _train(self, cfg: "Config", initial: Path | None, training: Training) -> Schedule:
        """Train `cfg`, which is changed in place."""
        from anchorprune.detectors.mmdet.config import compose
        from anchorprune.detectors.mmdet.training.recipe import schedule_of, set_recipe
        from anchorprune.detectors.mmdet.training.train import train

        compose.set_classes(cfg, training.classes)
        compose.set_training_data(cfg, training.annotations, training.images)
        devices = training.gpus or training.processes or 1
        for line in set_recipe(cfg, training.recipe, devices):
            LOG.info(line)
        schedule = schedule_of(cfg)
        train(cfg, training.output, training.seed, training.threads, initial, devices)
        return schedule


def _config_and_weights(files: Sequence[Path]) -> tuple[Path, Path | None]:
    """The two files of a detector, which is given by its folder, by both, or, without weights, by its config."""
    from anchorprune.detectors.mmdet.folder import CONFIG, WEIGHTS

    first, *others = files
    if not others and first.is_dir():
        return first / CONFIG, first / WEIGHTS
    return first, others[0] if others else None


def _anchors(order: str) -> Sequence | None:
    """The anchors that an order names; None for the config's own."""
    from anchorprune.anchors.anchor_order import published_ssd300
    from anchorprune.detectors.mmdet.config.compose import read_config
    from anchorprune.detectors.mmdet.conversion.convert import anchors_of

    if order == "config":
        return None
    return published_ssd300() if order == "published" else anchors_of(read_config(order))


BACKEND = MmdetBackend()
