"""Anchor dropout: its subsets, and that a subset's loss is that of the detector sliced to it."""

from pathlib import Path

import numpy as np
import pytest

from anchorprune.detectors.anchor_dropout import AnchorDropout
from anchorprune.errors import UserError

COUNTS = (3, 0, 5, 2)


def draw(iterations=400, **settings):
    """(subsets, anchors) bool, of all iterations."""
    dropout = AnchorDropout.of({"subsets": 1, **settings})
    drawn = [subset for i in range(iterations) for subset in dropout.subsets_at(COUNTS, 7, i, iterations)]
    masks = np.zeros((len(drawn), sum(COUNTS)), bool)
    starts = np.cumsum([0, *COUNTS])
    for mask, subset in zip(masks, drawn, strict=True):
        assert len(subset) == len(COUNTS)
        for start, count, level in zip(starts, COUNTS, subset, strict=False):
            assert level == sorted(set(level) & set(range(count)))
            mask[[start + i for i in level]] = True
    return masks


def test_subsets_are_functions_of_seed_and_iteration():
    dropout = AnchorDropout.of({})
    assert dropout.subsets_at(COUNTS, 7, 3, 10) == dropout.subsets_at(COUNTS, 7, 3, 10)
    assert dropout.subsets_at(COUNTS, 7, 3, 10) != dropout.subsets_at(COUNTS, 8, 3, 10)
    assert dropout.subsets_at(COUNTS, 7, 3, 10) != dropout.subsets_at(COUNTS, 7, 4, 10)


def test_every_subset_keeps_an_anchor_and_their_sizes_spread_over_the_range():
    masks = draw(4000, keep=[0.01, 0.02])
    assert masks.any(1).all()
    assert masks.any(0).all()  # the one that is kept where chance keeps none is any
    sizes = draw(4000).mean(1)
    assert sizes.mean() == pytest.approx(0.5, abs=0.02)
    # Ten anchors, p uniform in [0.1, 0.9]: variance 0.8**2 / 12 of p, and E[p (1 - p)] / 10 of the draw.
    assert sizes.var() == pytest.approx(0.64 / 12 + (0.25 - 0.64 / 12) / 10, rel=0.1)


def test_probabilities_of_levels_are_their_own():
    def correlation(masks):
        return np.corrcoef(masks[:, :3].sum(1), masks[:, 3:8].sum(1))[0, 1]

    assert correlation(draw(2000, draw="uniform")) > 0.3
    assert abs(correlation(draw(2000, draw="level"))) < 0.1


def test_modes_and_numbers_of_subsets():
    assert len(draw(100, subsets=3)) == 300
    assert len(draw(100, start=0.25)) == 75
    smallest = draw(1000, mode="smallest", keep=[0.1, 0.9])
    assert len(smallest) == 2000
    assert smallest[1::2].mean() == pytest.approx(0.1 + 0.9**10 / 10, abs=0.02)
    progressive = draw(2000, mode="progressive", keep=[0.2, 0.8]).mean(1)
    assert progressive[:200].mean() == pytest.approx(0.8 - 0.03 / 2, abs=0.03)
    assert progressive[-200:].mean() == pytest.approx(0.5 + 0.03 / 2, abs=0.03)


def test_near_a_front(tmp_path):
    front = tmp_path / "front.csv"
    front.write_text("kept,ap\n0 1 2 3 4 5 6 7 8 9,0.5\n0 1,0.4\n")
    masks = draw(2000, draw="front", front=str(front))
    large = masks[:, 2:].mean(1) > 0.5
    assert large.mean() == pytest.approx(0.5, abs=0.05)
    assert masks[large].mean() == pytest.approx(0.9, abs=0.02)
    assert masks[~large, 2:].mean() == pytest.approx(0.1, abs=0.02)
    front.with_name("other.csv").write_text("kept,ap\n0 1 2,0.5\n")
    for name, line in (("other.csv", "not a front of this head of 10 anchors"), ("gone.csv", "not a search's front")):
        with pytest.raises(UserError, match=line):
            draw(1, draw="front", front=str(tmp_path / name))


@pytest.mark.parametrize(
    "settings",
    [
        {"modus": "sandwich"},
        {"mode": "bread"},
        {"draw": "lots"},
        *({"keep": keep} for keep in ([0.9, 0.1], [0, 0.5], [0.5, 1.1], [0.5], 0.5, ["a", "b"])),
        *({"subsets": subsets} for subsets in (0, 1.5, True)),
        *({"start": start} for start in (1, -0.1, "late")),
        {"draw": "front"},
        {"front": "front.csv"},
    ],
)
def test_settings_that_are_none(settings):
    with pytest.raises(UserError, match=rf"^anchor_dropout(\.|: unknown key '){next(iter(settings))}|\.front: "):
        AnchorDropout.of(settings)
    assert AnchorDropout.of(AnchorDropout.of({"subsets": 2}).settings()) == AnchorDropout(subsets=2)


torch = pytest.importorskip("torch")

from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from oracles.mmdet_detectors import DETECTORS, read
from running.detector import SMALL_ANCHORS
from running.trainings import same, torch_put_back, train_one_of_two

from anchorprune.detectors.mmdet.config import compose
from anchorprune.detectors.mmdet.config.prunable import make_prunable
from anchorprune.detectors.mmdet.detector import MmdetDetector
from anchorprune.detectors.mmdet.model import build, describe
from anchorprune.detectors.mmdet.pruned import slice_detector
from anchorprune.detectors.mmdet.training.ranks import run_ranks
from anchorprune.detectors.mmdet.training.recipe import set_anchor_dropout, set_recipe
from anchorprune.detectors.mmdet.training.runner import run
from anchorprune.detectors.mmdet.training.subset_loss import mean_loss, subset_head, subset_outputs
from anchorprune.detectors.training import Recipe
from anchorprune.heads.layout import Layout

DEMO = Path(__file__).parents[1] / "config/detectors/ssd_demo.py"
ONE_OF_EACH_FAMILY = [name for name in DETECTORS if "ssd300" not in name and "ssd512" not in name]


def total(losses):
    """As mmengine's models sum them: each name's mean, or the sum of the means of its several."""
    values = (value if isinstance(value, list | tuple) else [value] for value in losses.values())
    return sum(each.mean() for value in values for each in value)


@pytest.mark.parametrize("name", ONE_OF_EACH_FAMILY, ids=lambda name: Path(name).stem)
def test_a_subsets_loss_is_the_sliced_detectors(name, tmp_path):
    """In value and in the gradient of what the head sees; with a level that has no anchor left."""
    width, height = size = DETECTORS[name]
    torch.manual_seed(0)
    cfg = read(name, size)
    make_prunable(cfg)
    model = build(cfg)
    model.init_weights()
    model.eval()
    detector = MmdetDetector(cfg, model, describe(cfg, model))
    with torch.no_grad():
        features = model.extract_feat(torch.randn(2, 3, height, width))
    boxes = torch.tensor([[10.0, 20, 60, 90], [100, 30, 220, 170], [5, 5, 30, 25]])
    truth = [InstanceData(bboxes=boxes[:n], labels=torch.tensor([3, 70, 11])[:n]) for n in (2, 3)]
    shape = (height, width)
    meta = {"img_shape": shape, "pad_shape": shape, "batch_input_shape": shape, "scale_factor": (1.0, 1.0)}
    nothing = InstanceData(bboxes=boxes[:0], labels=truth[0].labels[:0])
    samples = [DetDataSample(metainfo=meta, gt_instances=each, ignored_instances=nothing) for each in truth]
    level_of = detector.head.level_of_anchor
    last = max(level_of)
    keep = [i for i in range(detector.head.num_anchors) if level_of[i] != last and (i + level_of[i]) % 2]
    layout = Layout.keep(detector.head, keep)
    sliced = slice_detector(detector, layout, tmp_path)

    def result(loss):
        seen = [feature.clone().requires_grad_() for feature in features]
        value = total(loss(tuple(seen)))
        value.backward()
        return value.detach(), [torch.zeros_like(each) if each.grad is None else each.grad for each in seen]

    def ours(seen):
        outputs = model.bbox_head(seen)
        parts = subset_outputs(model.bbox_head, outputs, layout.kept_per_level)
        return subset_head(model.bbox_head, layout.kept_per_level).loss_by_feat(
            *parts, truth, [meta, meta], [nothing, nothing]
        )

    expected, gradients = result(lambda seen: sliced.model.bbox_head.loss(seen, samples))
    found, ours_gradients = result(ours)
    whole, _ = result(lambda seen: model.bbox_head.loss(seen, samples))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)
    assert abs(whole - expected) > 1e-3 * expected
    statistics = {n: value for n, value in sliced.model.state_dict().items() if "running" in n}
    assert statistics
    assert all(torch.equal(value, model.state_dict()[n]) for n, value in statistics.items())  # no anchor's own
    scale = max(float(each.abs().max()) for each in gradients)
    for a, b in zip(ours_gradients, gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5 * scale)


def test_the_mean_of_losses():
    whole = {"loss_cls": [torch.tensor(3.0), torch.tensor(6.0)], "loss_bbox": torch.tensor(1.0)}
    part = {"loss_cls": [torch.tensor(0.0), torch.tensor(1.0)], "loss_bbox": torch.tensor(4.0)}
    assert float(total(mean_loss(whole, [part, part]))) == pytest.approx((10 + 5 + 5) / 3)


def configured(data, dropout, levels=SMALL_ANCHORS["levels"], **recipe):
    cfg = compose.read_config(DEMO)
    compose.set_anchors(cfg, SMALL_ANCHORS["strides"], levels)
    compose.set_classes(cfg, ["ellipse", "rectangle", "triangle"])
    compose.set_training_data(cfg, data / "train.json", data / "images/train")
    set_recipe(cfg, Recipe(anchor_dropout=dropout, **recipe))
    return cfg


@pytest.fixture
def trained(forty_scenes, tmp_path):
    """The state of a small training in this process."""

    def train(name, dropout, **recipe):
        return run(configured(forty_scenes, dropout, iterations=3, **recipe), tmp_path / name, 3, 1).state_dict()

    with torch_put_back():
        yield train


@pytest.mark.long
def test_a_training_with_it(trained):
    plain, without = trained("plain", None), trained("late", AnchorDropout(start=0.9))
    assert same(plain, without)  # before it begins, nothing is otherwise
    dropped = trained("dropped", AnchorDropout())
    assert not same(plain, dropped)
    assert same(dropped, trained("again", AnchorDropout()))
    mixed = trained("mixed", AnchorDropout(subsets=2), amp=True)
    assert all(torch.isfinite(value).all() for value in mixed.values())
    assert not same(mixed, dropped)


def test_a_later_recipe_has_its_own(forty_scenes):
    cfg = configured(forty_scenes, AnchorDropout(subsets=3))
    assert cfg.anchorprune.anchor_dropout.subsets == 3
    set_anchor_dropout(cfg, None)
    assert cfg.pretty_text == configured(forty_scenes, None).pretty_text


@pytest.mark.long
def test_two_processes_with_a_level_that_has_no_anchor(forty_scenes, tmp_path):
    """What leads to that level alone gets no gradient; the others' are averaged."""
    levels = [*SMALL_ANCHORS["levels"][:3], []]
    cfg = configured(forty_scenes, AnchorDropout(), levels, epochs=1)
    before = build(cfg).state_dict()
    run_ranks(train_one_of_two, (cfg.pretty_text, tmp_path), 2)
    first, second = (torch.load(tmp_path / f"{rank}.pth", weights_only=True) for rank in (0, 1))
    assert same(first, second)
    assert set(first) == set(before)
    assert not any("cls_convs.3" in name for name in first)
