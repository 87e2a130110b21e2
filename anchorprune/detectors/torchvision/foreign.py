"""A torchvision detector before it is a folder: a builder's name, a state dict, and options."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from anchorprune.anchors.anchor_sets import read_anchor_set
from anchorprune.datasets.coco import read_image_info
from anchorprune.datasets.offered import listed_names
from anchorprune.detectors.foreign import Foreign, LookedOver
from anchorprune.detectors.torchvision.architectures import architecture_of
from anchorprune.detectors.torchvision.facts import Facts
from anchorprune.detectors.torchvision.families.registry import family_of
from anchorprune.detectors.torchvision.folder import write_folder
from anchorprune.detectors.torchvision.inference import detect, read_image
from anchorprune.detectors.torchvision.weights import load_state, read_state
from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from anchorprune.heads.labels import label_names
from anchorprune.heads.predictions import Postprocess

_POST = "postprocess."
_COCO_OUTPUTS = 91  # of torchvision's weights for COCO, whose frozen batch norms have the epsilon 0
_FROZEN_EPS = 1e-5  # of its others: `FrozenBatchNorm2d`'s default


def read_foreign(
    foreign: Foreign, classes: Sequence[str] = (), state: Mapping[str, Tensor] | None = None
) -> tuple[Facts, Head]:
    """What a foreign detector is.

    Args:
        foreign: its options are `classes` and `labels`, lists, `postprocess.KEY`, and of a RetinaNet `input_size` and
            `frozen_eps`.
        classes: names of its classes; (): those of its options.
        state: its weights, which tell its network's outputs; None: one for each class, and the background's.

    Raises:
        UserError: the builder, an option or the anchors are none.
    """
    architecture, options = architecture_of(foreign.config), _options(foreign.options)
    family, names = family_of(architecture), tuple(map(str, classes or options.get("classes", ())))
    if not names:
        raise UserError(f"{foreign.config}: its weights name no classes; give --option 'classes=[NAME, ...]'")
    outputs = len(names) + 1 if state is None else _outputs(foreign, state)
    first = 0 if outputs == len(names) and not family.background else 1
    labels = tuple(options.get("labels", range(first, first + len(names))))
    if "labels" not in options and outputs != len(names) + first:
        raise UserError(
            f"{foreign.config}: {len(names)} classes, and weights of {outputs - 1}; name them all, or give the "
            "label of each: --option 'labels=[1, ...]'"
        )
    size = options.get("input_size")
    eps = options.get("frozen_eps", _frozen_eps(state, outputs))
    for key in ("input_size", "frozen_eps"):
        if key in options and not family.resizable:
            raise UserError(f"{foreign.config}: --option {key}=.. is of RetinaNets alone; leave it out")
    model = family.unweighted(architecture, outputs)
    given = {key.removeprefix(_POST): value for key, value in options.items() if key.startswith(_POST)}
    post = Postprocess.from_dict(family.postprocess(model).to_dict() | given, f"{foreign.config}: --option")
    facts = Facts(architecture, names, labels, outputs, post, None, eps if family.resizable else None)
    facts = Facts.from_dict(facts.to_dict(), foreign.config)
    own = family.describe(model, foreign.name, architecture, len(names), size and tuple(size))
    return facts, own if foreign.anchors is None else _with_anchors(own, architecture, foreign.anchors)


def take_over(foreign: Foreign, output: Path) -> Head:
    """Write the folder of a foreign detector; without weights it has none.

    Raises:
        UserError: as `read_foreign`; or the weights do not fit.
    """
    state = None if foreign.weights is None else read_state(foreign.weights)
    facts, head = read_foreign(foreign, state=state)
    if state is not None:
        load_state(family_of(facts.architecture).build(facts, head, random=False), state, foreign.weights)
    write_folder(output, facts, head, state)
    return head


def look_over(
    foreign: Foreign, classes: str | None, annotations: Path, names: Sequence[str], photo: Path
) -> LookedOver:
    """Check a detector's weights against annotations and try it on a photo; see `Backend.look_over`."""
    if classes is not None:
        label_names([name.strip() for name in classes.split(",")], listed_names(annotations), names, False)
    state = read_state(foreign.weights)
    outputs, ids = _outputs(foreign, state), read_image_info(annotations).category_ids.tolist()
    overrides: dict[str, Any] = {"classes": list(names)}
    from_0 = outputs == len(names) and not family_of(architecture_of(foreign.config)).background
    note = f"labels {1 - from_0} to {len(names) - from_0} are taken for {', '.join(names[:5])}"
    note += f"{' ...' * (len(names) > 5)}, in this order"
    if outputs != len(names) + 1 and not from_0:
        if not 0 < ids[0] <= ids[-1] < outputs:
            raise UserError(
                f"{foreign.weights}: a network of {outputs - 1} classes and the background, but {annotations} has "
                f"{len(names)} categories; give annotations of its classes"
            )
        overrides["labels"] = ids
        note = f"of the network's {outputs - 1} labels, those that are ids of the annotations' {len(names)} categories"
    overrides |= {key: value for key, value in _options(foreign.options).items() if key not in overrides}
    options = tuple(f"{key}={yaml.safe_dump(value, default_flow_style=True)}" for key, value in overrides.items())
    facts, head = read_foreign(replace(foreign, options=options), state=state)
    _check_beside(foreign, head, annotations)
    if facts.frozen_eps is not None:
        overrides["frozen_eps"] = facts.frozen_eps
        note += (
            f"; its frozen batch norm is taken to have epsilon {facts.frozen_eps:g}: torchvision's is 0 in networks "
            "that began with its weights for COCO, else 1e-5; the weights do not tell, --option frozen_eps=.. does"
        )
    model = family_of(facts.architecture).build(facts, head, random=False)
    load_state(model, state, foreign.weights)
    detect(model.eval(), facts.labels, read_image(photo))
    return LookedOver(head, overrides, note)


def _check_beside(foreign: Foreign, head: Head, annotations: Path) -> None:
    """See that weights in a folder of ours have the anchors of the head there, which they do not tell themselves."""
    beside = foreign.weights.parent / "head.json"
    if not beside.is_file():
        return
    of_folder = Head.load(beside)
    if [level.anchors for level in of_folder.levels] != [level.anchors for level in head.levels]:
        raise UserError(
            f"{foreign.weights}: {beside} beside it has other anchors than {foreign.anchors or foreign.config}; give "
            f"--anchors own.json, which `anchorprune anchors {beside} {annotations} --output own.json` writes"
        )


def _options(options: Sequence[str]) -> dict[str, Any]:
    found = {}
    for text in options:
        key, equals, value = text.partition("=")
        if not ((key in _CHECKS or key.startswith(_POST)) and equals):
            raise UserError(f"--option {text!r}: give {', '.join(f'{key}=..' for key in _CHECKS)} or {_POST}KEY=VALUE")
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UserError(f"--option {text!r}: the value cannot be read as YAML; quote it, or correct it") from None
        if key in _CHECKS and not _CHECKS[key][0](found[key]):
            raise UserError(f"--option {text!r}: give {_CHECKS[key][1]}")
    return found


def _is_size(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(side) is int and side > 0 for side in value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def _is_epsilon(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1


# Of each option, whether a value is one, and what to give.
_CHECKS = {
    "classes": (_is_list, "a list, such as classes=[..]"),
    "labels": (_is_list, "a list, such as labels=[..]"),
    "input_size": (_is_size, "the longest and the shortest side, pixels, such as input_size=[1333, 800]"),
    "frozen_eps": (_is_epsilon, "a number, such as frozen_eps=1.0e-5"),
}


def _outputs(foreign: Foreign, state: Mapping[str, Tensor]) -> int:
    """The classes of a network, the background's included, by its weights."""
    architecture = architecture_of(foreign.config)
    name, anchors = family_of(architecture).first_layer(architecture)
    if foreign.anchors is not None:
        anchors = len(read_anchor_set(foreign.anchors)["levels"][0])
    channels = state[name].shape[0] if name in state and state[name].ndim else 0
    if not channels or channels % anchors:
        raise UserError(f"{foreign.weights}: not the weights of {foreign.config} (no {name} of {anchors} anchors)")
    return channels // anchors


def _frozen_eps(state: Mapping[str, Tensor] | None, outputs: int) -> float | None:
    """The epsilon of frozen batch norms, which count no batches, as torchvision gives it; None: they are not frozen."""
    if state is None or "backbone.body.bn1.num_batches_tracked" in state:
        return None
    return 0.0 if outputs == _COCO_OUTPUTS else _FROZEN_EPS


def _with_anchors(head: Head, architecture: str, file: Path) -> Head:
    found = read_anchor_set(file)
    strides = [level.stride for level in head.levels]
    if found["strides"] != strides or not any(found["levels"]):
        raise UserError(f"{file}: strides {found['strides']}; this detector's levels have {strides}")
    fitted = family_of(architecture).fit_anchors(head, found["levels"])
    pairs = zip(head.levels, fitted, strict=True)
    return replace(head, levels=tuple(replace(level, anchors=tuple(map(tuple, own))) for level, own in pairs))
