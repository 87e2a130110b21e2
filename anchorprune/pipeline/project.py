"""The configuration of a project of one's own: a few commented lines of YAML around the user's files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

TEXT = """\
# Prune the anchors of {name}: {weights_name}, a detector of {config_name}.
#   snakemake --cores 2 --configfile {file}
# The results go to results/: the tables and plots to results/report/ (where that is another project's report, to
# results/report-{name}/), each pruned detector, ready to use, to
# results/{name}/{name}/own/seed-0/best/BUDGET/. Every key is explained in config/README.md.

run: [{name}]

datasets:
  {name}:
    kind: coco
{splits}

detectors:
  {name}:
{backend}    config: {config}
    weights: {weights}
{options}    anchor_sets: {{own: {anchors}}}
{finetuning}
experiments:
  {name}:
    description: {description}
    detector: {name}
    dataset: {name}
    anchor_sets: [own]
    searches: [best] # other searches are in config/experiments.yaml
    budgets: {budgets} # fractions of the full head's multiply-accumulates; one pruned detector each
    seeds: [0]
{retrain}
    deploy: {deploy}
"""

GIVEN = """\
    # The search sees `prune`; the report is on `test`, which no search sees.
{train}    prune: {prune}
    test: {test}"""

SPLIT = """\
    # The search and the report must not share images, and one annotation file was given: half of its images, drawn
    # with this seed, are for the search, the others for the report (`test`).
{train}    prune: {prune}
    test_fraction: 0.5
    seed: 0"""

FINETUNING = """\
    # For `retrain` below; what is not given stays as in the config. The learning rate is meant at the config's base
    # batch size; a tenth of the training's is a usual choice.
    # finetuning: {epochs: 4, learning_rate: 0.0001}
"""

RETRAIN = """\
    # `none` uses the pruned weights as they are. `finetune` trains them further, with the recipe above, and `scratch`
    # trains them anew{needs}.
    retrain: none"""

DEPLOY = "true # a folder per pruned detector: config, weights, layout, figures, a model card"


@dataclass(frozen=True)
class Project:
    """What a project's configuration says.

    Attributes:
        name: of its detector, data set and experiment.
        config: what describes the detector, absolute; for mmdet also `mmdet::FOLDER/NAME.py`.
        weights: checkpoint, absolute.
        splits: `train`, `prune` and `test` -> (annotation file, image folder), absolute; without `test` the images of
            `prune` are split.
        options: overrides of the config by dotted key.
        budgets: fractions of the full head's cost.
        anchors: `strides`, and `levels` of [w, h] pairs in input pixels; None: those that the config has.
        backend: name of the framework that runs the detector; None: the configuration's default.
        deploy: `deploy` makes ONNX models of that framework's detectors.
        trains: they can be trained further.
    """

    name: str
    config: str
    weights: Path
    splits: Mapping[str, tuple[Path, Path]]
    options: Mapping[str, Any] = field(default_factory=dict)
    budgets: Sequence[float] = (0.8, 0.6, 0.4)
    anchors: Mapping[str, Any] | None = None
    backend: str | None = None
    deploy: bool = True
    trains: bool = True


def as_yaml(project: Project, file: Path) -> str:
    """The text of a project's configuration; `file` is where it will lie."""
    given = {name: _flow(dict(annotations=str(a), images=str(i))) for name, (a, i) in project.splits.items()}
    train = f"    train: {given.pop('train')}\n" if "train" in given else ""
    needs = "" if train else "; both need `train: {annotations: FILE, images: FOLDER}` above"
    return TEXT.format(
        name=project.name,
        file=_comment(file),
        backend=f"    backend: {_flow(project.backend)}\n" if project.backend else "",
        config=_flow(project.config),
        config_name=_comment(project.config.rpartition("/")[2]),
        weights=_flow(str(project.weights)),
        weights_name=_comment(project.weights.name),
        description=_flow(f"Prune the anchors of {project.weights.name}."),
        splits=(GIVEN if "test" in given else SPLIT).format(train=train, **given),
        options=f"    options: {_flow(dict(project.options))}\n" if project.options else "",
        anchors=_flow(_anchors(project.anchors)),
        budgets=_flow(list(project.budgets)),
        finetuning=FINETUNING if project.trains else "",
        retrain=RETRAIN.format(needs=needs)
        if project.trains
        else "    retrain: none # these detectors are not trained here",
        deploy=DEPLOY if project.deploy else f"false # `deploy` does not take detectors of {project.backend}",
    )


def _anchors(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """An anchor set as the configuration has it."""
    if given is None:
        return {"from": "config"}
    return {"strides": given["strides"], "levels": [{"anchors": level} for level in given["levels"]]}


def _flow(value: Any) -> str:
    """A value as YAML on one line, quoted where it must be."""
    inside = yaml.safe_dump([value], default_flow_style=True, width=float("inf"), sort_keys=False, allow_unicode=True)
    return inside.strip()[1:-1]


def _comment(value: Any) -> str:
    """A value that cannot end the comment it stands in."""
    return " ".join(str(value).split())
