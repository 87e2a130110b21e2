"""torchvision as a backend. Only its methods import torchvision, so that naming a backend costs nothing."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anchorprune.detectors.foreign import Foreign, LookedOver
from anchorprune.detectors.torchvision.architectures import architecture_of
from anchorprune.detectors.torchvision.requirements import check_torchvision, torchvision_findings
from anchorprune.detectors.training import Schedule, Training
from anchorprune.errors import UserError
from anchorprune.files import whole_file
from anchorprune.heads.head import Head
from anchorprune.pipeline.checkup import Finding
from anchorprune.pipeline.gpus import choose_devices, lend

if TYPE_CHECKING:
    from anchorprune.detectors.torchvision.detector import TorchvisionDetector

_USAGE = """\
    import torch
    from build import build

    with torch.no_grad():
        (found,) = build("weights.pth")([image])  # (3, H, W) float in 0..1 -> boxes, scores, labels

`build.py` needs torch and torchvision alone, and names the labels. `anchorprune evaluate`, `predict` and `show` take
this folder too.
"""


class TorchvisionBackend:
    """See `anchorprune.detectors.protocols.Backend`. A config is `torchvision::NAME`, a builder of torchvision's."""

    name = "torchvision"
    distributions = ("torch", "torchvision")
    exports = True
    published: Mapping[str, str] = {
        "build.py": "builds the network, with torchvision alone",
        "weights.pth": "its state dict",
        "detector.json": "what the detector is, for anchorprune",
        "head.json": "levels, anchors and costs",
    }
    usage = _USAGE

    def load(self, files: Sequence[Path], device: str = "auto", threads: int | None = None) -> "TorchvisionDetector":
        check_torchvision()
        lend(device)  # before torch looks for them
        import torch

        from anchorprune.detectors.torchvision.detector import load

        cuda = device != "cpu" and torch.cuda.is_available()
        if device == "cuda" and not cuda:
            raise UserError("--device cuda: this torch sees no GPU, --device cpu does without")
        if cuda:  # full float32 and the same algorithm each time, or a sliced head would give other numbers
            torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = False, False
            torch.backends.cudnn.deterministic = True
        if threads is not None:
            torch.set_num_threads(threads)
        return load(files[0], "cuda" if cuda else "cpu")

    def take_over(self, foreign: Foreign, output: Path, order: str = "config") -> Head:
        self._without_gpu()
        from anchorprune.detectors.torchvision.foreign import take_over

        if order != "config":
            raise UserError(f"--order {order}: weights of torchvision have their anchors in its order; leave it out")
        return take_over(foreign, output)

    def look_over(
        self, foreign: Foreign, classes: str | None, annotations: Path, names: Sequence[str], photo: Path
    ) -> LookedOver:
        self._without_gpu()
        from anchorprune.detectors.torchvision.foreign import look_over

        return look_over(foreign, classes, annotations, names, photo)

    def train(self, foreign: Foreign, training: Training) -> Schedule:
        self._choose(training)
        from anchorprune.detectors.torchvision.foreign import read_foreign
        from anchorprune.detectors.torchvision.training import train

        return train(*read_foreign(foreign, training.classes), None, training)

    def retrain(self, files: Sequence[Path], initial: Path | None, training: Training) -> Schedule:
        self._choose(training)
        from anchorprune.detectors.torchvision.folder import read_folder
        from anchorprune.detectors.torchvision.training import train

        return train(*read_folder(files[0]), initial, training)

    def check_given(self, config: str, weights: Path | None) -> None:
        architecture_of(config)

    def publish(self, files: Sequence[Path], annotations: Path, images: Path, output: Path) -> None:
        self._without_gpu()
        from anchorprune.detectors.torchvision.families.registry import family_of
        from anchorprune.detectors.torchvision.folder import read_folder, write_folder
        from anchorprune.detectors.torchvision.weights import read_state

        facts, head = read_folder(files[0])
        with whole_file(output / "build.py") as partial:
            partial.write_text(family_of(facts.architecture).build_file(facts, head), encoding="utf-8")
        write_folder(output, facts, head, read_state(files[0]))

    def findings(self) -> Iterator[Finding]:
        return torchvision_findings()

    def _without_gpu(self) -> None:
        check_torchvision()
        choose_devices(processes=1)  # torch is not to find a GPU that nobody lent

    def _choose(self, training: Training) -> None:
        check_torchvision()
        if (training.gpus or training.processes or 1) > 1:
            raise UserError("--gpus, --processes: detectors of torchvision train in one process; give 1")
        choose_devices(training.gpus, training.processes)  # before torch looks for them


BACKEND = TorchvisionBackend()
