"""Which unpruned detector a pruned one is cut from, by the experiment's `retrain`, and how paths say so.

The folder of a search (or of FIXED layouts) is named SEARCH, SEARCH+WAY or, of a control, SEARCH[+WAY]+CONTROL.
"""

from typing import NamedTuple

# `retrain` -> folder, below that of the training, of the detector that is fine-tuned before it is searched and cut.
BASES = {"once": "retrain-once", "once-plain": "retrain-finetune"}
AUTO = "auto"
_AS_TRAINED = "train"


class SearchFolder(NamedTuple):
    """What the name of a search's folder says.

    Attributes:
        search: name of the search, or FIXED.
        way: a key of BASES; "" where what is cut is the detector as it was trained.
        control: `kmeans`, `random` or "".
    """

    search: str
    way: str
    control: str

    @property
    def base(self) -> str:
        """Folder, below that of the training, of the unpruned detector that is searched and cut."""
        return BASES.get(self.way, _AS_TRAINED)

    @property
    def predictions(self) -> str:
        """The same of that detector's predictions."""
        return f"{self.base}/predict" if self.way else "predict"

    def __str__(self) -> str:
        """The name."""
        return "+".join(filter(None, self))


def search_folder(name: str) -> SearchFolder:
    """The parts of a folder's name."""
    search, *more = name.split("+")
    way = more.pop(0) if more and more[0] in BASES else ""
    return SearchFolder(search, way, *(more or [""]))


def way_of(retrain: str) -> str:
    """The `way` of an experiment's folders, by its `retrain`."""
    return retrain if retrain in BASES else ""


def finished_in(retrain: str) -> str:
    """Where an experiment's finished pruned detector lies, below its budget's folder."""
    return "slice" if retrain == "none" or retrain in BASES else f"retrain-{retrain}"
