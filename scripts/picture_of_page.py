"""A picture of a report's page for the README: the trade-off plot with two detectors pinned, as Chromium shows it.

    python scripts/picture_of_page.py results/report/index.html docs/page.webp

Needs what scripts/setup_browser.sh installs. WebP, 1200 pixels wide, at most 250 kB.
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 1200, 800  # pixels
MOST = 250_000  # bytes


def picture(page_file: Path) -> Image.Image:
    """The first experiment's plot and the comparison beside it, with the light theme."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(page_file.resolve().as_uri())
        page.locator("html[data-ready]").wait_for(state="attached")
        page.locator(".tradeoff").first.evaluate("(plot) => plot.previousElementSibling.scrollIntoView()")
        page.wait_for_timeout(500)  # what scrolled into view is drawn
        shot = page.screenshot()
        chromium.close()
    return Image.open(io.BytesIO(shot)).convert("RGB")


def main() -> None:
    """Write the picture in the best quality that fits."""
    source, output = map(Path, sys.argv[1:])
    image = picture(source)
    for quality in range(95, 20, -5):
        image.save(output, "WEBP", quality=quality, method=6)
        if output.stat().st_size <= MOST:
            break
    print(f"{output}: {image.width} x {image.height}, {output.stat().st_size} bytes, quality {quality}")


if __name__ == "__main__":
    main()
