"""Figures as data URIs for a page: as small as they can be without a change that is seen."""

import base64
import io
import re
from pathlib import Path

from PIL import Image

LARGEST_SVG = 1_000_000  # bytes of a file; a larger one (many thousand points) is shown as PNG, to open at once
MOST_SVG = 1_500_000  # bytes of all figures of a page as SVG; of more, each is shown in its smallest form
WIDEST = 720  # pixels of what is not SVG then
COLORS = 24  # of it
_COMMENTS = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", re.DOTALL)
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}(?![\w.])")
# What a URI, or an attribute in double quotes, cannot hold as it is.
_ESCAPES = str.maketrans({"%": "%25", "#": "%23", "<": "%3C", ">": "%3E", '"': "'", "&": "%26", "\n": " "})


def lean_svg(svg: str) -> str:
    """An SVG without comments and metadata, and with its coordinates rounded to hundredths of a point."""
    lean = _LONG_NUMBER.sub(lambda match: _rounded(float(match[0])), _COMMENTS.sub("", svg))
    return re.sub(r">\s+<", "><", re.sub(r"\s+", " ", lean)).strip()


def _rounded(value: float) -> str:
    """To hundredths; what is below 1 may be a factor, such as that of letters, and keeps five digits."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) >= 1 else f"{value:.5g}"


def image_uri(file: Path, small: bool) -> str:
    """The figure of a file `NAME.svg`, beside which there is `NAME.png`, as a data URI.

    Args:
        file: the SVG.
        small: whether what is smallest is wanted, not what is sharp at any size.
    """
    if not small and file.stat().st_size > LARGEST_SVG:
        return _uri("png", file.with_suffix(".png").read_bytes())
    svg = f"data:image/svg+xml,{lean_svg(file.read_text(encoding='utf-8')).translate(_ESCAPES)}"
    return min(svg, _uri("webp", _small(file.with_suffix(".png"))), key=len) if small else svg


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _small(file: Path) -> bytes:
    """A PNG as WebP of few colours, which line drawings have."""
    with Image.open(file) as image:
        image = image.convert("RGB")
        if image.width > WIDEST:
            image = image.resize((WIDEST, round(image.height * WIDEST / image.width)), Image.Resampling.LANCZOS)
        small = image.quantize(COLORS, dither=Image.Dither.NONE)
    written = io.BytesIO()
    small.convert("RGB").save(written, "WEBP", lossless=True)
    return written.getvalue()
