"""Figure files read without matplotlib: an SVG's texts, a PDF by its cross-reference table, a PNG by Pillow."""

import re
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image


def svg_texts(path):
    """Every text of an SVG: matplotlib draws letters as outlines, and names each text in a comment beside them."""
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    root = ElementTree.parse(path, parser).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return [node.text.strip() for node in root.iter(ElementTree.Comment)]


def pdf_pages(path):
    """How many pages a PDF has; each object must lie where the file's own table says (ISO 32000-1, 7.5.4)."""
    data = path.read_bytes()
    start = int(re.search(rb"startxref\s+(\d+)\s+%%EOF\s*$", data).group(1))
    first, count = map(int, re.match(rb"xref\s+(\d+) (\d+)", data[start:]).groups())
    entries = re.findall(rb"(\d{10}) \d{5} ([nf])", data[start:])
    assert len(entries) == count
    for number, (place, state) in enumerate(entries, first):
        assert state == b"f" or data[int(place) :].startswith(b"%d 0 obj" % number)
    return len(re.findall(rb"/Type /Page\b", data))


def check_figure(folder, name):
    """Check a figure's three files; returns the texts of its SVG. The PNG is the SVG's size at 200 dots per inch."""
    svg, pdf, png = (Path(folder) / f"{name}.{ending}" for ending in ("svg", "pdf", "png"))
    assert pdf_pages(pdf) == 1
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg.read_text()).groups()
    with Image.open(png) as picture:
        picture.load()
        for pixels, points in zip(picture.size, map(float, size), strict=True):
            assert abs(pixels - 200 / 72 * points) < 0.01 * pixels  # the layout rounds to the pixels of each form
        assert len(picture.convert("RGB").getcolors(2**24)) > 2
    return svg_texts(svg)
