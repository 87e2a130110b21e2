"""A model card: what it says of a pruned detector beside the full one, in a backend's own words for its use."""

import pytest

from anchorprune.heads.layout import Layout
from anchorprune.report.card import Card, as_markdown
from anchorprune.scoring.bootstrap import Difference
from anchorprune.scoring.certainty import Certainty

AP_FIGURES = ("ap", "ap50", "ap75", "ap_small", "ap_medium")


def metrics(ap, macs, boxes, anchors):
    cost = {"macs": macs, "boxes": boxes, "anchors": anchors}
    return {**dict.fromkeys(AP_FIGURES, ap), "ap_large": -1, "images": 12, "cost": cost}


@pytest.fixture
def facts(ssd300):
    """Of configuration A of SSD300, with its published costs (config/published/results.csv)."""
    return {
        "name": "ssd300_A",
        "layout": Layout.drop(ssd300, [5, 7, 13, 16, 17, 19, 22, 25, 26, 27, 28]),
        "classes": ["cat", "a|b"],
        "pruned": metrics(0.254, 3607764480, 7814, 19),
        "full": metrics(0.256, 4231319040, 8732, 30),
        "certainty": Certainty((0.24, 0.27), (0.245, 0.272), Difference(-0.002, -0.006, 0.001)),
        "files": {"weights.bin": "weights"},
        "usage": "Call `toy.run('{file}')`.",
        "made": {"seed": 3, "search": "greedy {}"},
        "data": {"kind": "coco", "seed": 1, "splits": {"prune": {"image_count": 30}, "test": {"image_count": 12}}},
    }


def test_it_says_what_the_detector_is_and_costs(facts):
    text = as_markdown(Card(**facts))
    assert text.startswith("# ssd300\\_A\n\n19 of 30 anchors of ssd300-vgg16, 2 classes, input 300 x 300 pixels.\n")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows == [
        "| on 12 test images | this detector | the full one, trained as long |",
        "| AP, 95 % interval | 0.254 (0.240 to 0.270) | 0.256 (0.245 to 0.272) |",
        "| AP at IoU 0.5 | 0.254 | 0.256 |",
        "| AP at IoU 0.75 | 0.254 | 0.256 |",
        "| AP small | 0.254 | 0.256 |",
        "| AP medium | 0.254 | 0.256 |",
        "| AP large | - | - |",
        "| MACs of the head | 3.608 G (85%) | 4.231 G |",
        "| boxes before NMS | 7814 (89%) | 8732 |",
        "| anchors | 19 (63%) | 30 |",
    ]
    assert "AP of this detector less the full one's: -0.002, 95 % interval -0.006 to +0.001 (paired" in text
    assert "4 of 4 (stride 8), 4 of 6 (stride 16)" in text
    assert "Kind: coco, splits drawn with seed 1. Images: prune 30, test 12." in text


def test_the_use_is_in_the_words_of_the_backend(facts):
    """As it is: a brace, or a star, in a program is no place for a value and no Markdown to escape."""
    text = as_markdown(Card(**facts))
    assert "## Use\n\nCall `toy.run('{file}')`.\n\n## How it was made\n" in text
    assert "- search: greedy \\{\\}" in text
    assert "mmdet" not in text


def test_what_was_measured_elsewhere_has_its_rows(facts):
    onnx = {"images": 12, "models": {"model": {"ap": 0.2539, "interval": [0.2412, 0.2689]}}}
    text = as_markdown(Card(**facts, onnx=onnx, latency=[("time per image, onnx", 10.04, 12.96)]))
    assert "| AP of model.onnx | 0.254 | - |\n| MACs of the head" in text
    assert as_markdown(Card(**facts, onnx={**onnx, "split_images": 12})).count("| AP of model.onnx | 0.254 | - |") == 1
    sample = as_markdown(Card(**facts, onnx={**onnx, "split_images": 40}))
    assert "| AP of model.onnx on 12 of the images, 95 % interval | 0.254 (0.241 to 0.269) | - |" in sample
    assert "| time per image, onnx | 10.0 ms | 13.0 ms |" in text
    assert "Neither detector found anything." in as_markdown(Card(**{**facts, "certainty": None}))
