"""The backend: what `anchorprune.detectors.protocols.Backend` asks, answered for linear detectors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from anchorprune.detectors.foreign import Foreign, LookedOver
from anchorprune.detectors.training import Schedule, Training
from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from anchorprune.pipeline.checkup import Finding, package
from linear_detector.detector import LinearDetector, read_folder, read_weights
from linear_detector.foreign import read_foreign
from linear_detector.training import fit


class LinearBackend:
    """Linear detectors. They have no ONNX models, and no form but ours to be given back in."""

    name = "linear"
    distributions = ("linear-detector",)
    exports = False
    published: Mapping[str, str] = {
        "detector.json": "classes and post-processing",
        "head.json": "levels, anchors and costs",
        "weights.npz": "weights, NumPy arrays",
    }
    usage = "`anchorprune predict`, `evaluate` and `show` take this folder where `linear-detector` is installed."

    def load(self, files: Sequence[Path], device: str = "auto", threads: int | None = None) -> LinearDetector:
        return read_folder(files[0])

    def take_over(self, foreign: Foreign, output: Path, order: str = "config") -> Head:
        if foreign.weights is None or order != "config":
            raise UserError("a linear detector is taken over with its weights, in the order of its config")
        return read_foreign(foreign).save(output).head

    def look_over(
        self, foreign: Foreign, classes: str | None, annotations: Path, names: Sequence[str], photo: Path
    ) -> LookedOver:
        found = read_foreign(foreign)
        if found.classes != tuple(names):
            raise UserError(f"{foreign.config}: its classes {found.classes} are not the annotations' {tuple(names)}")
        list(found.on_photos([photo]))
        return LookedOver(found.head, {})

    def train(self, foreign: Foreign, training: Training) -> Schedule:
        found = read_foreign(foreign, training.classes)
        replace(found, weights=fit(found.head, training)).save(training.output)
        return Schedule()

    def retrain(self, files: Sequence[Path], initial: Path | None, training: Training) -> Schedule:
        found = read_folder(files[0])
        weights = fit(found.head, training, initial and read_weights(initial, found.head))
        replace(found, weights=weights).save(training.output)
        return Schedule()

    def publish(self, files: Sequence[Path], annotations: Path, images: Path, output: Path) -> None:
        read_folder(files[0]).save(output)

    def findings(self) -> Iterator[Finding]:
        yield package("linear-detector", "linear_detector", "put its folder on PYTHONPATH")


BACKEND = LinearBackend()
