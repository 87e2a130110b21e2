"""The kinds of data sets, one file each: what each needs on disk, and how its splits are made.

A new kind is a file here, a line below, and what its users write: the options of its sub-command (commands/dataset.py)
and its keys (config/schemas/experiments.schema.yaml).
"""

from anchorprune.datasets.kinds import coco, coco2017, scenes, voc
from anchorprune.datasets.kinds.data_kind import Kind, Settings
from anchorprune.errors import UserError

KINDS: dict[str, Kind] = {kind.name: kind for kind in (scenes.KIND, coco.KIND, coco2017.KIND, voc.KIND)}


def kind_of(settings: Settings) -> Kind:
    """The kind of a data set of the configuration.

    Raises:
        UserError: there is no such kind.
    """
    name = settings.get("kind")
    if name not in KINDS:
        raise UserError(f"no kind of data set is called {name!r}; known: {', '.join(KINDS)}")
    return KINDS[name]
