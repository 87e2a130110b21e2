"""Example images in a browser: those of the pinned pair, with pictures that are drawn."""

import pytest

pytestmark = pytest.mark.browser


def pin(page, first, second):
    boxes = page.locator(".picks select")
    boxes.nth(0).select_option(first)
    boxes.nth(1).select_option(second)


def test_the_pinned_pairs_examples_are_shown(opened, examples_file):
    page = opened(examples_file)
    pin(page, "0", "1")
    blocks = page.locator(".examples:visible")
    assert [block.get_attribute("data-pair") for block in blocks.all()] == ["0 1"]
    pin(page, "2", "0")  # the other way round too
    assert [block.get_attribute("data-pair") for block in blocks.all()] == ["0 2"]
    pin(page, "1", "2")
    assert blocks.count() == 0
    assert page.locator(".no-examples").is_visible()
    page.locator(".plot:visible [data-detector='0']").press("Escape")
    assert blocks.count() == 2


def test_pictures_are_drawn_with_both_detectors_boxes(opened, examples_file):
    page = opened(examples_file)
    pin(page, "0", "1")
    page.locator(".examples:visible summary").press("Enter")
    items = page.locator(".examples:visible li")
    assert 10 < items.count() <= 20
    sides = items.first.locator("svg")
    assert sides.count() == 2
    for side in sides.all():
        box = side.bounding_box()
        assert box["width"] > 100
        assert side.locator("use").evaluate("(one) => one.getBBox().width") == 160
        assert side.locator(".truth").count() > 0


def test_without_a_script_all_examples_can_be_opened(opened, examples_file):
    page = opened(examples_file, java_script_enabled=False)
    assert page.locator(".examples:visible summary").count() == 2
    page.locator(".examples summary").first.click()
    assert page.locator(".examples li:visible").count() > 10
