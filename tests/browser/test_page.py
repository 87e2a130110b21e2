"""The page as a whole in a browser: open to all, safe with any name, whole without its script."""

import csv
import io

import pytest
from running.report_page import ATTACK, WIDTHS, page_of_many

pytestmark = pytest.mark.browser


def axe_findings(page, **options):
    """What axe finds, however slight."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options=options).response["violations"]
    return [(one["id"], one["impact"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_and_nothing_hangs_over(opened, page_file, width, scheme):
    page = opened(page_file, width, color_scheme=scheme)
    page.add_style_tag(content=".experiment { content-visibility: visible !important }")  # axe sees what is drawn
    assert axe_findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_hostile_names_stay_text(opened, hostile_file):
    page = opened(hostile_file)
    for number in range(8):
        page.locator(f'.plot:visible [data-detector="{number}"]').dispatch_event("click")
    page.locator(".picks select").nth(0).select_option("0")
    page.locator(".picks select").nth(1).select_option("1")
    assert page.title() == "Anchor pruning: report"
    names = page.locator(".pinned .sortable tbody th").all_text_contents()
    assert f"--> {ATTACK}" in names
    assert page.locator("b, img[src=x], svg[onload]").count() == 0
    assert "<b onclick=x> anchors" in page.locator(".picks select").first.inner_text()
    assert "{{ 7 * 7 }}" in page.locator("body").inner_text()


def test_a_script_that_is_not_the_pages_own_does_not_run(opened, page_file, tmp_path):
    changed = tmp_path / "index.html"
    text = page_file.read_text().replace("</body>", "<script>document.title = 'taken'</script></body>")
    changed.write_text(text)
    page = opened(page_file)
    other = page.context.new_page()  # without listeners: its console says that the script was refused
    other.goto(changed.as_uri())
    assert other.title() == "Anchor pruning: report"


def test_without_its_script_everything_is_there(opened, page_file):
    page = opened(page_file, java_script_enabled=False)
    assert page.locator(".plot:visible").count() == 3
    assert page.locator(".plot:visible title").count() == 24
    assert page.locator("table:visible").count() >= 3
    assert page.locator(".controls:visible, .slider:visible, .pinned:visible, .theme:visible").count() == 0
    assert page.locator("[data-anchor]:visible").count() == 6 + 7


def test_tables_sort_by_mouse_and_keyboard(page):
    table = page.locator('[aria-labelledby$="-table"] table').first
    names = table.locator("tbody").first.locator("tr:not(.group) th")
    heading = table.locator("thead th", has_text="boxes").first
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert names.first.inner_text() == "unpruned"
    heading.locator("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert names.last.inner_text() == "unpruned"


def copied(page, name, number=1):
    page.locator(".copy").nth(number).get_by_role("button", name=name).click()
    page.locator("#said", has_text=f"copied as {name}").wait_for()
    return page.evaluate("navigator.clipboard.readText()")


def test_tables_are_copied(page):
    table = page.locator('[aria-labelledby$="-table"] table').first
    shown = [row.locator("th, td").all_inner_texts() for row in table.locator("tbody tr:not(.group)").all()]
    number = page.locator(".copy").evaluate_all(
        "(all) => all.findIndex((one) => one.nextElementSibling?.matches('[aria-labelledby$=\"-table\"]'))"
    )
    rows = list(csv.reader(io.StringIO(copied(page, "CSV", number))))
    assert rows[0][:2] == ["group", "configuration"]
    assert [row[1] for row in rows[1:]] == [cells[0] for cells in shown]
    assert [row[0] for row in rows[1:]] == 4 * ["baseline anchors"] + 4 * ["more anchors"]
    assert len({len(row) for row in rows}) == 1
    column = rows[0].index("boxes")
    assert [row[column] for row in rows[1:5]] == ["816", "560", "288", "288"]
    lines = copied(page, "Markdown", number).splitlines()
    assert [line.strip("| ").split(" | ")[1] for line in lines[2:]] == [cells[0] for cells in shown]
    latex = copied(page, "LaTeX", number)
    assert latex.startswith("\\begin{tabular}{l")
    assert latex.count("\\\\") == 9
    assert "AP change [95\\%]" in latex


def test_the_theme_is_switched_and_kept(page):
    ground = "getComputedStyle(document.body).backgroundColor"
    light, button = page.evaluate(ground), page.locator(".theme")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
    page.locator(".theme").click()
    assert page.evaluate(ground) == light


def test_the_methods_are_copied(page):
    page.get_by_role("button", name="Copy as text").click()
    page.locator("#said", has_text="was copied").wait_for()
    text = page.evaluate("navigator.clipboard.readText()")
    assert "The anchors of small (6 in the set baseline and 7 in the set more) were pruned [1], on shapes." in text
    assert "[1] M. Bonnaerens" in text


def test_print_shows_figures_not_controls(page):
    page.emulate_media(media="print")
    assert page.locator(".plot:visible").count() == 3
    assert page.locator(".controls:visible, .slider:visible, .copy:visible, .theme:visible").count() == 0


@pytest.fixture(scope="module")
def twenty_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twenty")
    return page_of_many(folder, {"experiment": "e0", "detector": "small", "dataset": "shapes"}, times=20)


def test_landmarks_of_twenty_experiments_have_names_of_their_own(opened, twenty_file):
    page = opened(twenty_file)
    page.locator("html[data-ready]").wait_for(state="attached")
    assert axe_findings(page, runOnly=["landmark-unique"]) == []


def test_twenty_experiments(opened, twenty_file, capsys):
    """How soon a page of twenty can be used is measured here, and said; how fast this machine is, is not judged.

    What is judged is what takes the time: the elements that are made before anyone looks at them.
    """
    assert twenty_file.stat().st_size < 8e6
    page = opened(twenty_file)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})  # of the processor, whatever else it does
    page.reload()
    page.locator("html[data-ready]").wait_for(state="attached")
    first = page.evaluate("performance.getEntriesByName('anchorprune-ready')[0].startTime")
    measured = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    assert page.locator(".tradeoff .pinned:not([hidden])").count() == 20
    assert page.locator(".gallery img").count() >= 20 * 4
    assert page.locator(".example-images").count() == 20
    assert page.locator(".examples li, .example-images image").count() == 0
    assert page.locator("*").count() < 20_000
    page.locator(".examples summary").first.press("Enter")  # then those of this experiment alone
    page.locator(".examples:visible li").first.wait_for()  # a block tells that it is open in an event of its own
    assert page.locator(".examples:visible li").count() > 4
    with_pictures = page.locator(".example-images:has(image)")
    assert with_pictures.count() == 1
    with capsys.disabled():
        size, spent = twenty_file.stat().st_size / 1e6, 1000 * measured["TaskDuration"]
        print(
            f"\n20 experiments, {size:.1f} MB: ready after {first:.0f} ms (at most 400 are wanted);"
            f" the page's thread took {spent:.0f} ms in all"
        )
