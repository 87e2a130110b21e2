"""Slicing: the sliced detector gives what the full one gives for the anchors that stay."""

import copy
import json

import numpy as np
import pytest
from running.results import results

from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.heads.slicing import ChannelSlice, slice_state

torch = pytest.importorskip("torch")


def test_slice_state_keeps_the_anchors_channels():
    state = {"a.weight": np.arange(12).reshape(6, 2), "a.bias": np.arange(6), "b.weight": np.ones(3), "c.0.bias": 1}
    sliced = slice_state(state, [ChannelSlice("a.", (0, 2), 2), ChannelSlice("c.", (), 2)])
    assert list(sliced) == ["a.weight", "a.bias", "b.weight"]
    assert sliced["a.bias"].tolist() == [0, 1, 4, 5]
    assert sliced["a.weight"].tolist() == [[0, 1], [2, 3], [8, 9], [10, 11]]


@pytest.fixture(scope="module")
def detector(trained):
    from anchorprune.detectors.mmdet.detector import load

    return load(trained.config, trained.weights)


LAYOUTS = [
    [0, 2, 3, 5, 7, 9],
    [3, 4, 5, 6, 7, 8],  # drops level 0 whole
    [0, 1, 2, 6],  # drops levels 1 and 3 whole
    [9],
]


@pytest.mark.parametrize("kept", LAYOUTS, ids=str)
def test_sliced_outputs_equal_masked_outputs(detector, kept, tmp_path):
    from oracles.masking import mask_anchors

    from anchorprune.detectors.mmdet.pruned import slice_detector

    layout = Layout.keep(detector.head, kept)
    sliced = slice_detector(detector, layout, tmp_path)
    images = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 4 - 2
    with torch.no_grad():
        features = detector.model.extract_feat(images)
        masked = mask_anchors(detector.model.bbox_head, layout, detector.model.bbox_head(features))
        outputs = sliced.model.bbox_head(sliced.model.extract_feat(images))
    for expected, found in zip(masked, outputs, strict=True):
        for a, b in zip(expected, found, strict=True):
            assert a.shape == b.shape
            torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kept", [list(range(10)), *LAYOUTS], ids=str)
def test_macs_counted_by_a_tracer_equal_the_closed_form(detector, kept, tmp_path):
    from torch.utils.flop_counter import FlopCounterMode

    from anchorprune.detectors.mmdet.pruned import slice_detector
    from anchorprune.heads.cost import cost

    layout = Layout.keep(detector.head, kept)
    sliced = slice_detector(detector, layout, tmp_path)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        features = sliced.model.extract_feat(torch.zeros(1, 3, 128, 128))
        before = counter.get_total_flops()
        scores, _ = sliced.model.bbox_head(features)
        macs = (counter.get_total_flops() - before) // 2
    assert macs == cost(layout).macs
    boxes = sum(s.shape[1] // sliced.model.bbox_head.cls_out_channels * s.shape[2] * s.shape[3] for s in scores)
    assert boxes == cost(layout).boxes
    assert cost(Layout.full(sliced.head)).macs == cost(layout).macs
    assert Head.load(tmp_path / "head.json") == sliced.head


@pytest.mark.long
def test_a_pruned_detector_trains(trained, detector, run_command, tmp_path):
    Layout.keep(detector.head, LAYOUTS[2]).save(tmp_path / "layout.json")
    done = run_command(
        "slice", trained.config, trained.weights, tmp_path / "layout.json", "--output", tmp_path / "slice"
    )
    assert done.status == 0, done.err
    assert done.json["anchors_per_level"] == [3, 0, 1, 0]
    losses = {}
    finetune = ("--finetune", tmp_path / "slice/weights.pth", "--iterations", 20)  # the first that are logged
    for mode, extra in (("scratch", ()), ("finetune", finetune)):
        done = run_command(
            *("retrain", tmp_path / "slice/config.py", *extra, "--epochs", 1, "--seed", 3),
            *("--annotations", trained.data / "train.json", "--images", trained.data / "images/train"),
            *("--output", tmp_path / mode),
        )
        assert done.status == 0, done.err
        losses[mode] = [
            float(line.split(" loss: ")[1].split()[0]) for line in done.err.splitlines() if " loss: " in line
        ]
    # Fine-tuning starts where training from scratch has not arrived after an epoch.
    assert losses["finetune"][0] < losses["scratch"][-1]
    assert [p.name for p in results(tmp_path / "finetune") if not p.name.startswith(".")] == [
        *("config.py", "detector.json", "head.json", "training.json", "weights.pth")
    ]


def test_slice_refuses_what_does_not_fit(trained, run_command, tmp_path):
    head = json.loads((trained.folder / "head.json").read_text())
    layout = tmp_path / "layout.json"
    layout.write_text(json.dumps({"version": 1, "head": "other", "kept": [0]}))
    done = run_command("slice", trained.config, trained.weights, layout, "--output", tmp_path / "out")
    assert done.status == 2
    assert "layout of head 'other'" in done.error_line
    assert not (tmp_path / "out").exists()
    layout.write_text(json.dumps({"version": 1, "head": head["name"], "kept": [0]}))
    damaged = tmp_path / "weights.pth"
    damaged.write_bytes(trained.weights.read_bytes()[:1000])
    done = run_command("slice", trained.config, damaged, layout, "--output", tmp_path / "out")
    assert done.status == 2
    assert "not a readable torch weights file" in done.error_line
    wrong = copy.deepcopy(torch.load(trained.weights, weights_only=True))
    wrong["bbox_head.cls_convs.0.0.bias"] = torch.zeros(5)
    torch.save(wrong, damaged)
    done = run_command("slice", trained.config, damaged, layout, "--output", tmp_path / "out")
    assert done.status == 2
    assert "of another shape bbox_head.cls_convs.0.0.bias (5,) where the model has (12,)" in done.error_line
