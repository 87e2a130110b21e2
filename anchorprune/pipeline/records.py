"""What a configuration comes to: the experiments, and the pruned detectors of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from anchorprune.heads.layout import FIXED

# What names a user gives look like; they become folders. As config/schemas/experiments.schema.yaml, $defs.name.
NAME = "[A-Za-z0-9][A-Za-z0-9.-]*"


class Pruned(NamedTuple):
    """A pruned detector of an experiment.

    Attributes:
        search: name of the search that finds its layout, or FIXED.
        budget: fraction of the full head's cost, or the fixed layout's name.
        control: "" for the layout itself; `kmeans` or `random` for the control beside it.
    """

    search: str
    budget: float | str
    control: str


@dataclass(frozen=True)
class Experiment:
    """One experiment to run, with what its names stand for.

    Attributes:
        name: its key under `experiments`; with its way, `KEY-WAY`, where `retrain` lists several there.
        detector: name of the detector.
        dataset: name of the data set.
        anchor_sets: names of the anchor sets, one training each per seed.
        seeds: seeds of the trainings.
        searches: names of the searches.
        budgets: fractions of the full head's cost.
        layouts: names of fixed layouts.
        controls: `kmeans`, `random`, both or none.
        retrain: the way to a finished pruned detector: `scratch`, `finetune`, `none`, `once`, `once-plain` or `auto`.
        deploy: each pruned detector gets a folder with everything that it takes to run it.
        no_loss: AP; a loss that is surely smaller counts as none to speak of.
        expected: what the config says to expect.
        published: the detector's name among the published figures.
        test_dev: `image_info` and `images` of COCO's test-dev, if submissions are to be written.
        compared: the key whose ways are compared, of which this is one; "" of an experiment with one way.
    """

    name: str
    detector: str
    dataset: str
    anchor_sets: tuple[str, ...]
    seeds: tuple[int, ...]
    searches: tuple[str, ...]
    budgets: tuple[float, ...]
    layouts: tuple[str, ...]
    controls: tuple[str, ...]
    retrain: str
    deploy: bool = False
    no_loss: float = 0.005
    description: str = ""
    expected: Mapping[str, Any] = field(default_factory=dict)
    published: str | None = None
    test_dev: Mapping[str, str] | None = None
    compared: str = ""

    @property
    def key(self) -> str:
        """Its key under `experiments`."""
        return self.compared or self.name


@dataclass(frozen=True)
class Plan:
    """A validated configuration with every default filled in, and the experiments that `run` picks."""

    config: Mapping[str, Any]
    run: tuple[Experiment, ...]

    def anchor_set(self, detector: str, name: str) -> Mapping[str, Any]:
        """The configuration of an anchor set."""
        return self.config["detectors"][detector]["anchor_sets"][name]

    def pruned(self, experiment: Experiment, anchor_set: str) -> Iterator[Pruned]:
        """The pruned detectors of an experiment's anchor set; a layout's controls follow it."""
        known = self.anchor_set(experiment.detector, anchor_set)["layouts"]
        found = [(FIXED, label) for label in experiment.layouts if label in known]
        found += [(search, budget) for search in experiment.searches for budget in experiment.budgets]
        for search, budget in found:
            yield Pruned(search, budget, "")
            yield from (Pruned(search, budget, control) for control in experiment.controls)
