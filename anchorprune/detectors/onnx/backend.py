"""ONNX files as a backend. Only its methods import onnx, so that naming a backend costs nothing."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from anchorprune.detectors.foreign import Foreign, LookedOver
from anchorprune.detectors.onnx.requirements import check_onnx, onnx_findings
from anchorprune.detectors.training import Schedule, Training
from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from anchorprune.pipeline.checkup import Finding

if TYPE_CHECKING:
    from anchorprune.detectors.onnx.file_detector import FileDetector

_USAGE = """\
`model.onnx` takes the input and gives the outputs of the model that it was made from, with fewer boxes: it goes where
that one went. `anchorprune evaluate`, `predict` and `show` take this folder too.
"""


class OnnxBackend:
    """See `anchorprune.detectors.protocols.Backend`.

    A config is `onnx::graph`, or a JSON file with what the graph does not tell; the weights are the ONNX file.
    """

    name = "onnx"
    distributions = ("onnx", "onnxruntime")
    exports = False
    trains = False
    published: Mapping[str, str] = {
        "model.onnx": "the model, with the input and the outputs it had",
        "detector.json": "what the detector is, for anchorprune",
        "head.json": "levels, anchors and costs",
    }
    usage = _USAGE

    def load(self, files: Sequence[Path], device: str = "auto", threads: int | None = None) -> "FileDetector":
        check_onnx()
        from anchorprune.detectors.onnx.loading import load_file

        if device == "cuda":
            raise UserError("--device cuda: detectors in ONNX files run on the CPU here; leave the option out")
        return load_file(files[0], threads or 1)

    def take_over(self, foreign: Foreign, output: Path, order: str = "config") -> Head:
        check_onnx()
        from anchorprune.detectors.onnx.foreign import take_over

        if order != "config":
            raise UserError(f"--order {order}: an ONNX file has its anchors in its own order; leave it out")
        return take_over(foreign, output)

    def look_over(
        self, foreign: Foreign, classes: str | None, annotations: Path, names: Sequence[str], photo: Path
    ) -> LookedOver:
        check_onnx()
        from anchorprune.detectors.onnx.foreign import look_over

        return look_over(foreign, classes, annotations, names, photo)

    def train(self, foreign: Foreign, training: Training) -> Schedule:
        _refuse(foreign.config)

    def retrain(self, files: Sequence[Path], initial: Path | None, training: Training) -> Schedule:
        _refuse(files[0])

    def check_given(self, config: str, weights: Path | None) -> None:
        from anchorprune.detectors.onnx.described import read_description

        read_description(config, ())
        if weights is None:
            _refuse(config)

    def publish(self, files: Sequence[Path], annotations: Path, images: Path, output: Path) -> None:
        check_onnx()
        from anchorprune.detectors.onnx.folder import write_folder
        from anchorprune.detectors.onnx.loading import load_file
        from anchorprune.detectors.onnx.model_file import read_model

        found = load_file(files[0])
        write_folder(output, found.record(), found.head, read_model(found.source))

    def findings(self) -> Iterator[Finding]:
        return onnx_findings()


def _refuse(what: object) -> NoReturn:
    raise UserError(
        f"{what}: detectors in ONNX files are not trained here; give the file of a trained one, and keep "
        "`retrain: none`, or train it where it came from"
    )


BACKEND = OnnxBackend()
