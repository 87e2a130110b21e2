"""The trade-off plot under a mouse and a keyboard: what it says is what the metrics files say."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.browser

# Detectors of the manifest, by number: 0 unpruned, 1 @0.7, 2 @0.4, 3 random; 4 to 7 the same of the other anchor set.
UNPRUNED, LARGE, SMALL, RANDOM, OTHER = 0, 1, 2, 3, 5


@pytest.fixture(scope="module")
def metrics(page_file):
    """Number of a detector -> its metrics.json, and the layout beside it."""
    rows = json.loads((page_file.parents[1] / "manifest.json").read_text())
    names = [row["files"]["metrics" if row["method"] else "reference"] for row in rows]
    return [json.loads(Path(name).read_text()) for name in names]


def mark(page, number):
    return page.locator(f'.plot:visible [data-detector="{number}"]')


def hit(page, number):
    """Where a mouse meets the mark; its box has its name in it too."""
    return mark(page, number).locator(".hit")


def text(page, selector):
    return " ".join(page.locator(selector).first.inner_text().replace("\u2212", "-").split())


def free(page):
    mark(page, UNPRUNED).press("Escape")


def pin(page, *numbers):
    free(page)
    for number in numbers:
        hit(page, number).click()


def signed(*values):
    return [f"{value:+.3f}" for value in values]


def test_a_mark_says_what_it_is_under_the_mouse_and_the_focus(page, metrics):
    tip = page.locator(".tip")
    assert tip.is_hidden()
    hit(page, LARGE).hover()
    words = text(page, ".tip")
    assert f"AP {metrics[LARGE]['ap']:.3f}" in words
    change = metrics[LARGE]["change"]["figures"]["ap"]
    assert "change {} [{}, {}]".format(*signed(change["change"], change["low"], change["high"])) in words
    assert "greedy @0.7, baseline anchors" in words
    assert "5 anchors" in words
    page.mouse.move(5, 5)
    assert tip.is_hidden()
    mark(page, SMALL).focus()
    assert "greedy @0.4, baseline anchors" in text(page, ".tip")


def test_it_begins_with_a_pair(page):
    assert [box.input_value() for box in page.locator(".picks select").all()] == [str(UNPRUNED), str(LARGE)]


def test_clicks_pin_and_free(page):
    pin(page, UNPRUNED)
    assert "Click a mark to pin it" in text(page, ".difference")
    hit(page, SMALL).click()
    values = [box.input_value() for box in page.locator(".picks select").all()]
    assert values == [str(UNPRUNED), str(SMALL)]
    hit(page, RANDOM).click()  # B moves
    assert page.locator(".picks select").nth(1).input_value() == str(RANDOM)
    assert mark(page, RANDOM).get_attribute("aria-pressed") == "true"
    hit(page, RANDOM).click()
    assert page.locator(".picks select").nth(1).input_value() == ""
    assert mark(page, RANDOM).get_attribute("aria-pressed") == "false"


def test_a_pruned_detector_against_the_unpruned_one(page, metrics):
    pin(page, UNPRUNED, SMALL)
    change = metrics[SMALL]["change"]["figures"]["ap"]
    expected = "AP {} [{}, {}]".format(*signed(change["change"], change["low"], change["high"]))
    assert expected in text(page, ".difference")
    assert "95% interval" in text(page, ".difference")
    page.get_by_role("button", name="Swap A and B").click()
    expected = "AP {} [{}, {}]".format(*signed(-change["change"], -change["high"], -change["low"]))
    assert expected in text(page, ".difference")


def test_two_pruned_detectors_are_paired_by_resamples(page, metrics):
    pin(page, LARGE, SMALL)
    one, other = (np.array(metrics[number]["change"]["resampled"]) for number in (LARGE, SMALL))
    low, high = np.percentile(other - one, (2.5, 97.5))
    expected = "AP {} [{}, {}]".format(*signed(metrics[SMALL]["ap"] - metrics[LARGE]["ap"], low, high))
    assert expected in text(page, ".difference")
    assert "No intervals: none are stored" in text(page, ".pinned")


def test_where_no_interval_is_stored_it_says_so(page, metrics):
    pin(page, SMALL, OTHER)
    found = text(page, ".difference")
    assert f"AP {metrics[OTHER]['ap'] - metrics[SMALL]['ap']:+.3f}, head MACs" in found
    assert "no interval" in found
    assert "Their anchor sets differ" in text(page, ".pinned")


def test_anchors_that_differ_are_named_by_index_and_shape(page):
    pin(page, LARGE, RANDOM)  # 0 1 3 4 5 and 1 3 4
    assert page.locator(".names li").all_inner_texts() == ["#0 16x16", "#5 64x128"]
    assert "Kept by A alone (2 anchors)" in text(page, ".pinned")


def test_sizes_and_classes_are_sorted_by_their_change(page, metrics):
    pin(page, UNPRUNED, SMALL)
    rows = page.locator(".pinned .sortable tbody tr").all()
    found = {row.locator("th").inner_text(): row.locator("td").last.inner_text().replace("\u2212", "-") for row in rows}
    change = metrics[SMALL]["change"]
    stated = {**change["per_class"], "size: small": change["figures"]["ap_small"]}
    for name, value in stated.items():
        assert found[name] == "{} [{}, {}]".format(*signed(value["change"], value["low"], value["high"]))
    values = [float(words.split()[0]) for words in found.values()]
    assert values == sorted(values)


def test_the_command_names_true_paths(page, page_file):
    pin(page, UNPRUNED, SMALL)
    command = shlex.split(page.locator(".pinned pre").inner_text())
    assert command[:2] == ["anchorprune", "slice"]
    assert (Path(command[2]) / "head.json").is_file()
    assert json.loads(Path(command[3]).read_text())["kept"] == [0, 3, 5]
    page.get_by_role("button", name="Copy the command of B").click()
    page.locator("#said", has_text="was copied").wait_for()
    assert shlex.split(page.evaluate("navigator.clipboard.readText()")) == command


def test_the_axis_is_switched(page):
    assert page.locator(".plot:visible").get_attribute("data-cost") == "macs"
    place = mark(page, SMALL).get_attribute("transform")
    page.get_by_role("radio", name="boxes").check()
    assert page.locator(".plot:visible").count() == 1
    assert page.locator(".plot:visible").get_attribute("data-cost") == "boxes"
    assert mark(page, SMALL).get_attribute("transform") != place
    pin(page, SMALL)
    page.get_by_role("radio", name="parameters").check()
    assert page.locator(".plot:visible").get_attribute("data-cost") == "parameters"
    page.get_by_role("radio", name="MACs").check()
    assert mark(page, SMALL).get_attribute("aria-pressed") == "true"


def test_the_keyboard_goes_from_mark_to_mark(page):
    free(page)
    first = page.locator('.plot:visible .point[tabindex="0"]')
    assert first.count() == 1  # one stop on the way through the page
    first.focus()
    seen = set()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
        seen.add(page.evaluate("document.activeElement.dataset.detector"))
    assert len(seen) == 8
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press(" ")
    assert page.locator('.plot:visible .point[aria-pressed="true"]').count() == 2
    page.keyboard.press("Escape")
    assert page.locator('.point[aria-pressed="true"]').count() == 0


def test_lists_pin_too(page):
    boxes = page.locator(".picks select")
    boxes.nth(0).select_option(str(LARGE))
    boxes.nth(1).select_option(str(SMALL))
    assert mark(page, SMALL).get_attribute("aria-pressed") == "true"
    boxes.nth(1).select_option(str(LARGE))  # no detector against itself
    assert boxes.nth(0).input_value() == ""


def test_the_slider_lights_up_anchors_and_the_row(page):
    slider = page.locator(".slider input").first
    slider.focus()
    slider.press("End")
    anchors = page.locator(".strip").first.locator("[data-anchor]")
    assert anchors.count() == 6
    gone = page.locator(".strip").first.locator(".gone")
    assert gone.count() == 0
    assert "unpruned" in page.locator("tr.lit").inner_text()
    found = {}
    for _ in range(20):
        words = page.locator(".slider output").first.inner_text()
        if "Finished as" in words:
            left = [item.get_attribute("data-anchor") for item in anchors.all()]
            left = [name for name in left if name not in [item.get_attribute("data-anchor") for item in gone.all()]]
            found[words.partition("Finished as ")[2].partition(", baseline")[0]] = left
            assert page.locator("tr.lit").count() == 1
        slider.press("ArrowLeft")
    assert found["greedy @0.7"] == ["0", "1", "3", "4", "5"]
    assert found["greedy @0.4"] == ["0", "3", "5"]
    assert slider.get_attribute("aria-valuetext") == page.locator(".slider output").first.inner_text()
