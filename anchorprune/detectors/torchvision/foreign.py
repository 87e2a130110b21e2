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
from anchorprune.detectors.torchvision.folder import write_folder
from anchorprune.detectors.torchvision.inference import detect, read_image
from anchorprune.detectors.torchvision.networks import build, describe, last_layer, postprocess_of, towers, unweighted
from anchorprune.detectors.torchvision.weights import load_state, read_state
from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from anchorprune.heads.labels import label_names
from anchorprune.heads.predictions import Postprocess

_POST = "postprocess."


def read_foreign(foreign: Foreign, classes: Sequence[str] = (), outputs: int | None = None) -> tuple[Facts, Head]:
    """What a foreign detector is.

    Args:
        foreign: its options are `classes` and `labels`, lists, and `postprocess.KEY`.
        classes: names of its classes; (): those of its options.
        outputs: of its network, the background's included; None: one for each class, and the background's.

    Raises:
        UserError: the builder, an option or the anchors are none.
    """
    architecture, options = architecture_of(foreign.config), _options(foreign.options)
    names = tuple(map(str, classes or options.get("classes", ())))
    if not names:
        raise UserError(f"{foreign.config}: its weights name no classes; give --option 'classes=[NAME, ...]'")
    outputs = outputs or len(names) + 1
    labels = tuple(options.get("labels", range(1, len(names) + 1)))
    if "labels" not in options and outputs != len(names) + 1:
        raise UserError(
            f"{foreign.config}: {len(names)} classes, and weights of {outputs - 1}; name them all, or give the "
            "label of each: --option 'labels=[1, ...]'"
        )
    model = unweighted(architecture, outputs)
    post = postprocess_of(model)
    given = {key.removeprefix(_POST): value for key, value in options.items() if key.startswith(_POST)}
    post = Postprocess.from_dict(post.to_dict() | given, f"{foreign.config}: --option")
    facts = Facts.from_dict(replace(Facts(architecture, names, labels, outputs, post)).to_dict(), foreign.config)
    own = describe(model, foreign.name, architecture, len(names))
    return facts, own if foreign.anchors is None else _with_anchors(own, foreign.anchors)


def take_over(foreign: Foreign, output: Path) -> Head:
    """Write the folder of a foreign detector; without weights it has none.

    Raises:
        UserError: as `read_foreign`; or the weights do not fit.
    """
    state = None if foreign.weights is None else read_state(foreign.weights)
    outputs = None if state is None else _outputs(foreign, state)
    facts, head = read_foreign(foreign, outputs=outputs)
    if state is not None:
        load_state(build(facts, head), state, foreign.weights)
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
    note = f"labels 1 to {len(names)} are taken for {', '.join(names[:5])}{' ...' * (len(names) > 5)}, in this order"
    if outputs != len(names) + 1:
        if not 0 < ids[0] <= ids[-1] < outputs:
            raise UserError(
                f"{foreign.weights}: a network of {outputs - 1} classes and the background, but {annotations} has "
                f"{len(names)} categories; give annotations of its classes"
            )
        overrides["labels"] = ids
        note = f"of the network's {outputs - 1} labels, those that are ids of the annotations' {len(names)} categories"
    overrides |= {key: value for key, value in _options(foreign.options).items() if key not in overrides}
    options = tuple(f"{key}={yaml.safe_dump(value, default_flow_style=True)}" for key, value in overrides.items())
    facts, head = read_foreign(replace(foreign, options=options), outputs=outputs)
    model = build(facts, head)
    load_state(model, state, foreign.weights)
    detect(model.eval(), facts.labels, read_image(photo))
    return LookedOver(head, overrides, note)


def _options(options: Sequence[str]) -> dict[str, Any]:
    found = {}
    for text in options:
        key, equals, value = text.partition("=")
        known = key in ("classes", "labels") or key.startswith(_POST)
        if not (known and equals):
            raise UserError(f"--option {text!r}: give classes=[..], labels=[..] or {_POST}KEY=VALUE")
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UserError(f"--option {text!r}: the value cannot be read as YAML; quote it, or correct it") from None
        if not key.startswith(_POST) and not (isinstance(found[key], list) and found[key]):
            raise UserError(f"--option {text!r}: give a list, such as {key}=[..]")
    return found


def _outputs(foreign: Foreign, state: Mapping[str, Tensor]) -> int:
    """The classes of a network, the background's included, by its weights."""
    model = unweighted(architecture_of(foreign.config), 2)
    block = towers(model)[0].module_list[0]
    name = "head.classification_head.module_list.0." + ("" if block is last_layer(block) else "1.") + "weight"
    if foreign.anchors is None:
        anchors = len(model.anchor_generator._wh_pairs[0])
    else:
        anchors = len(read_anchor_set(foreign.anchors)["levels"][0])
    channels = state[name].shape[0] if name in state and state[name].ndim else 0
    if not channels or channels % anchors:
        raise UserError(f"{foreign.weights}: not the weights of {foreign.config} (no {name} of {anchors} anchors)")
    return channels // anchors


def _with_anchors(head: Head, file: Path) -> Head:
    found = read_anchor_set(file)
    strides = [level.stride for level in head.levels]
    if found["strides"] != strides or not any(found["levels"]):
        raise UserError(f"{file}: strides {found['strides']}; this detector's levels have {strides}")
    pairs = zip(head.levels, found["levels"], strict=True)
    clipped = (
        (level, [[min(s, m) for s, m in zip(a, head.input_size, strict=True)] for a in own]) for level, own in pairs
    )
    return replace(head, levels=tuple(replace(level, anchors=tuple(map(tuple, own))) for level, own in clipped))
