"""Head families at full size, built from mmdet's own configs: same boxes, same outputs, true costs, true slices."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

torch = pytest.importorskip("torch")

from mmdet.registry import MODELS, TASK_UTILS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from oracles.masking import mask_anchors
from oracles.mmdet_detectors import CONFIGS, DETECTORS, read
from torch.utils.flop_counter import FlopCounterMode

from anchorprune.detectors.mmdet import families
from anchorprune.detectors.mmdet.config.prunable import make_prunable
from anchorprune.detectors.mmdet.detector import MmdetDetector
from anchorprune.detectors.mmdet.families.family import Family
from anchorprune.detectors.mmdet.families.registry import FAMILIES, family_of, family_of_class
from anchorprune.detectors.mmdet.model import build, describe
from anchorprune.detectors.mmdet.pruned import pruned_config, slice_detector
from anchorprune.errors import UserError
from anchorprune.heads.cost import cost
from anchorprune.heads.layout import Layout


@dataclass(frozen=True)
class Case:
    """An mmdet detector as mmdet builds it, and ours with the same weights."""

    theirs: torch.nn.Module
    ours: MmdetDetector
    images: torch.Tensor


def _named(config: str):
    return pytest.param(config, id=Path(config).stem, marks=[pytest.mark.long] * ("ssd512" in config))


@pytest.fixture(scope="module", params=map(_named, DETECTORS))
def case(request) -> Case:
    size = DETECTORS[request.param]
    theirs, cfg = read(request.param, size), read(request.param, size)
    torch.manual_seed(0)
    original = build(theirs)
    original.init_weights()  # without it, some of mmdet's layers hold whatever the memory held
    original.eval()
    make_prunable(cfg)
    model = build(cfg)
    model.load_state_dict(original.state_dict())
    model.eval()
    images = torch.randn(1, 3, size[1], size[0], generator=torch.Generator().manual_seed(1))
    return Case(original, MmdetDetector(cfg, model, describe(cfg, model)), images)


def layouts(detector: MmdetDetector) -> list[Layout]:
    """One that thins every level, one that drops a whole level, one with another subset on each level."""
    head = detector.head
    level_of = head.level_of_anchor
    yield Layout.keep(head, (i for i in range(head.num_anchors) if i % 3 != 1))
    yield Layout.keep(head, [i for i in range(head.num_anchors) if level_of[i] != 0] or [0])  # of one level, one anchor
    yield Layout.keep(head, (i for i in range(head.num_anchors) if (i * 7 + level_of[i]) % 4 == 0 or level_of[i] == 1))


def test_conversion_keeps_boxes_and_outputs(case):
    shapes = [level.grid for level in case.ours.head.levels]
    theirs = case.theirs.bbox_head.prior_generator.grid_priors(shapes, device="cpu")
    ours = case.ours.model.bbox_head.prior_generator.grid_priors(shapes, device="cpu")
    for a, b in zip(theirs, ours, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-3)
    with torch.no_grad():
        features = case.theirs.extract_feat(case.images)
        for a, b in zip(case.theirs.bbox_head(features), case.ours.model.bbox_head(features), strict=True):
            for x, y in zip(a, b, strict=True):
                assert torch.equal(x, y)


@pytest.mark.parametrize("which", range(3), ids=["thinned", "level dropped", "uneven"])
def test_slices_equal_masks_and_cost_what_they_say(case, which, tmp_path):
    layout = list(layouts(case.ours))[which]
    sliced = slice_detector(case.ours, layout, tmp_path)
    with torch.no_grad():
        features = case.ours.model.extract_feat(case.images)
        masked = mask_anchors(case.ours.model.bbox_head, layout, case.ours.model.bbox_head(features))
        with FlopCounterMode(display=False) as counter:
            outputs = sliced.model.bbox_head(features)
    for expected, found in zip(masked, outputs, strict=True):
        for a, b in zip(expected, found, strict=True):
            assert a.shape == b.shape
            torch.testing.assert_close(a, b, rtol=0, atol=1e-4)
    assert counter.get_total_flops() // 2 == cost(layout).macs == cost(Layout.full(sliced.head)).macs


# mmdet's config, and the (W, H) of its real input -> the head's multiply-accumulates in 1e9, where known from elsewhere
REAL_INPUTS = {
    ("ssd/ssd300_coco.py", (300, 300)): 4.231,  # Bonnaerens et al., CVIU 221 (2022) 103445
    ("pascal_voc/ssd300_voc0712.py", (300, 300)): None,
    ("ssd/ssd512_coco.py", (512, 512)): None,
    ("ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco.py", (320, 320)): None,
    ("retinanet/retinanet_r50_fpn_1x_coco.py", (1200, 800)): 129.3,  # the same
    ("retinanet/retinanet_r50_fpn_1x_coco.py", (1333, 800)): None,
    ("nas_fpn/retinanet_r50_nasfpn_crop640-50e_coco.py", (640, 640)): None,
    ("efficientnet/retinanet_effb3_fpn_8xb4-crop896-1x_coco.py", (896, 896)): None,
    ("yolo/yolov3_d53_8xb8-ms-608-273e_coco.py", (608, 608)): None,
    ("yolo/yolov3_mobilenetv2_8xb24-ms-416-300e_coco.py", (416, 416)): None,
}


def head_of(cfg: Config) -> torch.nn.Module:
    parts = {key: cfg.model.get(key) for key in ("train_cfg", "test_cfg")}
    return MODELS.build({**cfg.model.bbox_head, **parts}).eval()


def traced_macs(cfg: Config, features: Sequence[torch.Tensor]) -> int:
    """What torch counts in a head; on the meta device nothing is computed."""
    head = head_of(cfg).to("meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        head(features)
    return counter.get_total_flops() // 2


def unused(cfg: Config, features: Sequence[torch.Tensor]) -> list[str]:
    """A head's parameters that its outputs do not depend on."""
    head = head_of(cfg).to("meta")
    sum(level.sum() for output in head(features) for level in output).backward()
    return [name for name, parameter in head.named_parameters() if parameter.grad is None]


@pytest.mark.parametrize(("name", "size"), REAL_INPUTS, ids=lambda value: str(value).split("_")[0])
def test_traced_costs_at_the_real_input_are_those_in_closed_form(name, size):
    cfg = read(name, size)
    theirs = cfg.copy()
    model = build(cfg).to("meta")
    image = torch.zeros(1, 3, size[1], size[0], device="meta")
    with torch.no_grad():
        features = model.eval().extract_feat(image)
    expected = REAL_INPUTS[name, size]
    make_prunable(cfg)
    ours = build(cfg)
    detector = MmdetDetector(cfg, ours, describe(cfg, ours.to("meta")))
    full = Layout.full(detector.head)
    assert traced_macs(theirs, features) == traced_macs(cfg, features) == cost(full).macs
    assert expected is None or round(cost(full).macs / 1e9, 1) == round(expected, 1)
    for layout in layouts(detector):
        pruned = pruned_config(cfg, ours.bbox_head, layout)
        assert traced_macs(pruned, features) == cost(layout).macs
        assert unused(pruned, features) == []  # processes that train together could not average their gradients


def test_ssd300_costs_what_was_published():
    cfg = read("ssd/ssd300_coco.py", (300, 300))
    make_prunable(cfg)
    found = cost(Layout.full(describe(cfg, build(cfg))))
    assert (found.macs, found.boxes) == (4231319040, 8732)


def test_retinanet_costs_what_was_published():
    cfg = read("retinanet/retinanet_r50_fpn_1x_coco.py", (1200, 800))
    make_prunable(cfg)
    head = describe(cfg, build(cfg).to("meta"))
    full = cost(Layout.full(head))
    assert (round(full.macs / 1e9, 1), full.boxes) == (129.3, 180153)
    pruned = cost(Layout.drop(head, [*range(9), *(9 * level + 4 for level in range(1, 5))]))
    assert (round(pruned.macs / 1e9, 1), pruned.boxes) == (31.4, 40136)


def test_unknown_heads_are_named():
    cfg = Config.fromfile(str(CONFIGS / "fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py"))
    with pytest.raises(UserError, match="head FCOSHead is not supported; supported heads are, or derive from, SSDHead"):
        make_prunable(cfg)
    cfg = Config.fromfile(str(CONFIGS / "faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py"))
    with pytest.raises(UserError, match="detector FasterRCNN has no dense head; one-stage detectors only"):
        make_prunable(cfg)


def test_separate_batch_norms_without_the_first_level():
    """What the levels share starts as mmdet's, though mmdet reaches it through the first level."""
    name = "nas_fpn/retinanet_r50_fpn_crop640-50e_coco.py"
    theirs, cfg = (read(name, DETECTORS[name]) for _ in range(2))
    make_prunable(cfg)
    cfg.model.bbox_head.anchor_generator.anchors[0] = []
    heads = head_of(theirs), head_of(cfg)
    for head in heads:
        head.init_weights()
    spread = [{name: float(p.detach().std()) for name, p in head.named_parameters() if p.dim() == 4} for head in heads]
    shared = [name.replace("convs.0.", "convs.1.") for name in spread[0]]
    assert list(spread[1]) == shared
    assert list(spread[1].values()) == pytest.approx(list(spread[0].values()), rel=0.05)


def test_every_family_is_registered_and_tried():
    modules = [import_module(f"{families.__name__}.{found.name}") for found in iter_modules(families.__path__)]
    classes = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    written = {kind for kind in classes if Family in kind.__mro__ and hasattr(kind, "plain")}
    init_default_scope("mmdet")
    tried = [family_of_class(MODELS.get(read(name, size).model.bbox_head.type)) for name, size in DETECTORS.items()]
    assert written == {type(family) for family in FAMILIES} == {type(family) for family in tried}


def test_every_family_names_a_registered_head(case):
    family = family_of(case.ours.model.bbox_head)
    assert MODELS.get(family.prunable.__name__) is family.prunable is type(case.ours.model.bbox_head)
    assert MODELS.get(family.plain.__name__) is family.plain is type(case.theirs.bbox_head)
    assert all(TASK_UTILS.get(generator) is not None for generator in family.generators)
    assert len(family.outputs) == len(family.channels(case.ours.model.bbox_head))
