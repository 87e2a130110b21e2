"""Example images in a browser: those of any pinned pair, with pictures that are drawn."""

import json
import re

import pytest
from running.examples import write_examples
from running.report_page import ATTACK

from anchorprune.report.data.manifest import read_manifest
from anchorprune.report.data.published import Published
from anchorprune.report.write import write_report

pytestmark = pytest.mark.browser


def pin(page, first, second):
    boxes = page.locator(".picks select")
    boxes.nth(0).select_option(first)
    boxes.nth(1).select_option(second)


def drawn(page):
    """The block of the pinned pair."""
    return page.locator(".examples:visible")


@pytest.fixture(scope="module")
def facts(examples_file):
    text = examples_file.read_text()
    return json.loads(re.search(r'class="answers">(.*?)</script>', text, re.DOTALL)[1])["examples"]


def names_of(page, group):
    """File names of the images below a heading: 0 what lost, 1 what gained."""
    items = drawn(page).locator("ul").nth(group).locator("p").all_inner_texts()
    return [text.partition(":")[0] for text in items]


def test_the_pinned_pairs_examples_are_shown(opened, examples_file):
    page = opened(examples_file)
    for first, second in (("0", "1"), ("2", "0"), ("1", "2")):
        pin(page, first, second)
        assert [block.get_attribute("data-pair") for block in drawn(page).all()] == [f"{first} {second}"]
        assert page.locator(".no-examples").is_hidden()
    pin(page, "1", "3")  # a control without detections
    assert drawn(page).count() == 0
    assert page.locator(".no-examples").is_visible()
    page.locator(".plot:visible [data-detector='0']").press("Escape")
    assert drawn(page).count() == 2
    assert page.locator(".no-examples").is_hidden()


def test_any_two_are_drawn_with_their_boxes(opened, examples_file, facts):
    """Two pruned detectors, A left and B right; the other way round what was lost is gained."""
    page = opened(examples_file)
    pin(page, "1", "2")
    drawn(page).locator("summary").press("Enter")
    worst, best = facts["pairs"]["1 2"]
    lost = [facts["pictures"][place][1] for place in worst]
    assert names_of(page, 0) == lost
    assert len(lost) == 10
    first = drawn(page).locator("li").first
    for slot, number in enumerate("12"):
        side = first.locator("svg").nth(slot)
        _, numbers = facts["seen"][number][worst[0]]
        assert side.locator(".found").count() == side.locator("text").count() == len(numbers) // 6
        assert side.locator(".truth").count() == len(facts["pictures"][worst[0]][4]) // 4
        assert side.locator("use").evaluate("(one) => one.getBBox().width") == 160
        assert side.bounding_box()["width"] > 100
        if numbers:  # the likeliest lies on top
            box = side.locator(".found").last.evaluate(
                "(one) => { const b = one.getBBox(); return [b.x, b.y, b.width, b.height]; }"
            )
            assert box == numbers[:4]
            assert side.locator("text").last.text_content() == f"{facts['classes'][numbers[4]]} {numbers[5] / 100:.2f}"
    texts = (
        drawn(page).locator("svg text").evaluate_all("(all) => all.map((one) => one.getBBox().x + one.getBBox().width)")
    )
    assert max(texts) <= 160  # none is cut off
    aps = [facts["seen"][number][worst[0]][0] for number in "12"]
    assert f"AP {aps[0]:.2f} to {aps[1]:.2f}" in first.inner_text()
    page.get_by_role("button", name="Swap A and B").click()  # it stays open
    assert names_of(page, 1) == lost
    assert names_of(page, 0) == [facts["pictures"][place][1] for place in best]


def test_what_has_no_picture_is_counted(opened, examples_file, tmp_path):
    """A page whose first example has no picture, made by changing the place of its picture."""
    text = examples_file.read_text()
    changed = re.sub(r'("1 2":\[\[)\d+', r"\g<1>-1", text)
    assert changed != text
    (tmp_path / "index.html").write_text(changed)
    page = opened(tmp_path / "index.html")
    pin(page, "1", "2")
    drawn(page).locator("summary").click()
    assert len(names_of(page, 0)) == 9
    assert "1 of these 10 has no picture on this page." in drawn(page).inner_text()


def test_hostile_file_and_class_names_stay_text(opened, tmp_path):
    write_examples(tmp_path, {"experiment": "demo", "detector": "small", "dataset": "shapes"}, images=12)
    name, file = "<img src=x onerror=alert(1)>.png", tmp_path / "data/test.json"
    truth = json.loads(file.read_text())
    for image in truth["images"]:
        (tmp_path / "data/images" / image["file_name"]).rename(tmp_path / f"data/images/{image['id']}{name}")
        image["file_name"] = f"{image['id']}{name}"
    truth["categories"] = [{**one, "name": f"{one['name']}{ATTACK}"} for one in truth["categories"]]
    file.write_text(json.dumps(truth))
    write_report(read_manifest(tmp_path / "manifest.json"), Published(), tmp_path / "report", figures=False)
    page = opened(tmp_path / "report/index.html", 390)
    pin(page, "1", "2")
    drawn(page).locator("summary").click()
    assert names_of(page, 0)[0].endswith(name)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert ATTACK in drawn(page).locator("svg text").first.text_content()
    assert page.locator("img[src=x]").count() == 0
    assert page.title() == "Anchor pruning: report"


def test_without_a_script_all_examples_can_be_opened(opened, examples_file):
    page = opened(examples_file, java_script_enabled=False)
    assert page.locator(".examples:visible summary").count() == 2
    page.locator(".examples summary").first.click()
    assert page.locator(".examples li:visible").count() > 10
