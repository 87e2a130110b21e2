"""What a torchvision detector is beside its head and its weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anchorprune.detectors.torchvision.architectures import ARCHITECTURES, architecture_of
from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from anchorprune.heads.predictions import Postprocess


@dataclass(frozen=True)
class Facts:
    """What `detector.json` has of a detector.

    Attributes:
        architecture: name of torchvision's builder.
        classes: names of the classes that are looked for.
        labels: torchvision's label of each, ascending; of an SSD, 0 is the background.
        outputs: classes of the network, the background's and those without a name included.
        postprocess: what it makes of its candidates.
        filters: of a RetinaNet, whose levels share them: for each level the filter of each of its anchors; None: anchor
            i has filter i on every level.
        frozen_eps: of a RetinaNet with frozen batch norm, its epsilon; None: batch norm that learns.
    """

    architecture: str
    classes: tuple[str, ...]
    labels: tuple[int, ...]
    outputs: int
    postprocess: Postprocess
    filters: tuple[tuple[int, ...], ...] | None = None
    frozen_eps: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The form in `detector.json`; what is None is left out."""
        own = {"filters": self.filters and [list(level) for level in self.filters], "frozen_eps": self.frozen_eps}
        return {
            "architecture": self.architecture,
            "classes": list(self.classes),
            "labels": list(self.labels),
            "outputs": self.outputs,
            "postprocess": self.postprocess.to_dict(),
            **{key: value for key, value in own.items() if value is not None},
        }

    @classmethod
    def from_dict(cls, value: Any, source: str) -> "Facts":
        """Read that form; `source` names it in errors.

        Raises:
            UserError: a key is missing or of the wrong kind.
        """
        try:
            classes, labels = tuple(map(str, value["classes"])), tuple(map(int, value["labels"]))
            post = Postprocess.from_dict(value["postprocess"], source)
            filters, eps = value.get("filters"), value.get("frozen_eps")
            filters = None if filters is None else tuple(tuple(map(int, level)) for level in filters)
            own = filters, None if eps is None else float(eps)
            found = cls(architecture_of(str(value["architecture"])), classes, labels, int(value["outputs"]), post, *own)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{source}: not the record of a torchvision detector ({error!r}); make it again") from None
        first = 1 if ARCHITECTURES[found.architecture].family == "ssd" else 0
        if len(labels) != len(classes) or not all(first <= label < found.outputs for label in labels):
            raise UserError(f"{source}: labels {list(labels)} do not fit its classes and outputs; make it again")
        return found

    def filters_of(self, head: Head) -> Sequence[Sequence[int]]:
        """The filter of each anchor of each level of this detector's head."""
        return self.filters or [tuple(range(len(level.anchors))) for level in head.levels]
