"""What commands, rules and the report know of a detector and of the framework that runs it.

A framework is a folder beside `mmdet/`, or a package of its own, with an object that is a `Backend` (see
docs/how-to-add.md). Nothing else imports the framework: what is asked of it is asked by these protocols.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from anchorprune.detectors.foreign import Foreign, LookedOver
from anchorprune.detectors.training import Schedule, Training
from anchorprune.heads.detections import Detections
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Postprocess
from anchorprune.pipeline.checkup import Finding

if TYPE_CHECKING:
    from anchorprune.deploy.latency.file_times import TimedFile
    from anchorprune.deploy.onnx.coding import Coding
    from anchorprune.deploy.onnx.levels import LevelOutputs
    from anchorprune.deploy.onnx.models import Models


class ImageCandidates(NamedTuple):
    """The candidates of one image: every (box, class) pair above the score threshold, before NMS.

    Attributes:
        image_id: the annotation file's.
        anchor: (n,) int16, index into the head's anchors.
        label: (n,) int64, position in the detector's `classes`.
        score: (n,) float32 in 0..1; of equal scores, post-processing ranks the first row higher.
        boxes: (n, 4) float32, x1 y1 x2 y2, pixels of the original image.
    """

    image_id: int
    anchor: np.ndarray
    label: np.ndarray
    score: np.ndarray
    boxes: np.ndarray


class Detector(Protocol):
    """A detector ready to run. Images come by ascending id; a bar on a terminal shows how far it is.

    Attributes:
        source: the file that its weights are from, for the record.
        head: levels, anchors and costs.
        classes: category names, in the order of its labels.
        postprocess: what it makes of its candidates.
    """

    @property
    def source(self) -> Path: ...
    @property
    def head(self) -> Head: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def postprocess(self) -> Postprocess: ...

    def candidates(self, annotations: Path, images: Path) -> Iterator[ImageCandidates]:
        """The candidates of each image of a split (a COCO annotation file and the folder of its images)."""

    def detections(self, annotations: Path, images: Path) -> Iterator[tuple[int, Detections]]:
        """The id and the detections of each image of a split, by the detector's own post-processing."""

    def on_photos(self, photos: Sequence[Path]) -> Iterator[Detections]:
        """The detections on image files of no data set."""

    def slice(self, layout: Layout, output: Path) -> "Detector":
        """Write the detector of a layout, physically smaller, as a folder; returns it."""


class Exportable(Detector, Protocol):
    """A detector that also has ONNX models."""

    def export(self, opset: int, provenance: Mapping[str, Any], any_size: bool = False) -> "Models":
        """Its models; `any_size`: where it detects on images of many sizes, for all of them, not for one size."""

    def decoding(self) -> "tuple[list[LevelOutputs], Coding]":
        """How its raw outputs become boxes and scores."""

    def native_call(self) -> Callable[[np.ndarray], object]:
        """From one prepared image (1, 3, H, W) to detections in the framework itself, where it is, to be timed."""


class Finished(Detector, Protocol):
    """A detector that is an ONNX file already, and is timed as it is, where others are exported first."""

    def timed(self, name: str) -> "TimedFile":
        """Ready to be timed, by a name."""


@runtime_checkable
class Backend(Protocol):
    """A framework that trains and runs detectors. Making one imports nothing heavy; its methods do.

    Attributes:
        name: as `detector.json` and the configuration have it.
        distributions: installed packages whose versions a model card names.
        exports: whether its detectors are `Exportable` too.
        published: what `publish` writes: file name -> what it is.
        usage: Markdown of a model card: how to use the published files.
    """

    name: str
    distributions: tuple[str, ...]
    exports: bool
    published: Mapping[str, str]
    usage: str

    def load(
        self, files: Sequence[Path], device: str = "auto", threads: int | None = None, batch_size: int = 1
    ) -> Detector:
        """Load a detector: its folder, or, of a backend that knows it so, the files that describe it.

        Args:
            files: one folder, or several files.
            device: `auto` takes a free GPU if there is one, `cpu` none; `cuda` needs one.
            threads: of a computation; None: the framework's choice.
            batch_size: images of a split to take at once; a backend may lack it, and is then given none.
        """

    def take_over(self, foreign: Foreign, output: Path, order: str = "config") -> Head:
        """Write a folder from a foreign detector, with weights where it has any; `order`: whose anchors they have."""

    def look_over(
        self, foreign: Foreign, classes: str | None, annotations: Path, names: Sequence[str], photo: Path
    ) -> LookedOver:
        """Check a foreign detector against annotations and try it on a photo.

        Args:
            foreign: with weights.
            classes: names of its labels, with commas between; None: as its config has them.
            annotations: COCO annotation file.
            names: its category names, by ascending id.
            photo: an image of it.
        """

    def train(self, foreign: Foreign, training: Training) -> Schedule:
        """Train a foreign detector from its initialisation and write its folder; resumable."""

    def retrain(self, files: Sequence[Path], initial: Path | None, training: Training) -> Schedule:
        """Train a folder's detector again, from scratch or from weights, and write its folder; resumable."""

    def publish(self, files: Sequence[Path], annotations: Path, images: Path, output: Path) -> None:
        """Write what the framework's own tools run, tested on a split, into `output`."""

    def findings(self) -> Iterator[Finding]:
        """What this machine has of what the backend needs."""


class Foresighted(Protocol):
    """A backend that can look at the files of a configured detector without its framework."""

    def check_given(self, config: str, weights: Path | None) -> None:
        """Look at a config, which is no file where it has `::`, and a checkpoint, both before the first job.

        Raises:
            UserError: it would not take one of them.
        """


class Returning(Protocol):
    """A backend whose framework has a form of its own for pruned detectors, without us."""

    def give_back(self, files: Sequence[Path], output: Path) -> Mapping[str, Any]:
        """Write a detector in that form; what to print of it.

        Raises:
            UserError: the framework cannot express it.
        """
