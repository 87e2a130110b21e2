"""A report's page in the system's Chromium: nothing may be requested or said on the console, in any test."""

import shutil
from pathlib import Path

import pytest
from running.report_page import ATTACK, made_page, page_of_many

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NAMES = {"experiment": "demo", "detector": "small", "dataset": "shapes"}


@pytest.fixture(scope="session")
def page_file(tmp_path_factory):
    return made_page(tmp_path_factory.mktemp("plain"), NAMES, ("cat", "dog", "tea, cup"), ("baseline", "more"))


@pytest.fixture(scope="session")
def hostile_file(tmp_path_factory):
    names = {"experiment": '"><script>#? %3C', "detector": ATTACK, "dataset": "'\"<svg onload=x>"}
    sets = ("<b onclick=x>", "{{ 7 * 7 }}")
    return made_page(tmp_path_factory.mktemp("hostile"), names, (f"--> {ATTACK}", "dog"), sets)


@pytest.fixture(scope="session")
def examples_file(tmp_path_factory):
    return page_of_many(tmp_path_factory.mktemp("examples"), NAMES, times=1)


@pytest.fixture(scope="session")
def chromium():
    api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium here; `make test-browser` says how to get it")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """`opened(file, width=.., **context)`: a page that shows the file; at the end it has said and asked nothing."""
    contexts, said, asked = [], [], []

    def open_page(file: Path, width: int = 1440, **options):
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [
        url for url in asked if url.startswith("file:") and url.endswith("index.html")
    ]


@pytest.fixture
def page(opened, page_file):
    return opened(page_file)
