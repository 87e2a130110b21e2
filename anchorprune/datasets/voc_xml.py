"""One XML file of a PASCAL VOC folder."""

import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NoReturn
from xml.etree import ElementTree

from anchorprune.errors import UserError
from anchorprune.files import inside


@dataclass(frozen=True)
class Picture:
    """One XML file: the image's name and size, and per object its class, corners (VOC's) and difficult flag."""

    source: Path
    file_name: str
    width: int
    height: int
    names: tuple[str, ...]
    corners: tuple[tuple[float, ...], ...]
    difficult: tuple[bool, ...]


class _PlainBuilder(ElementTree.TreeBuilder):
    """Refuses document types: VOC has none, and entity declarations are how XML reads other files or eats memory."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise UserError("has a DOCTYPE, which PASCAL VOC files never have; remove it")


def read_picture(path: Path, stem: str) -> Picture:
    """Read one XML file; `stem` is the name the split's list gives the image.

    Raises:
        UserError: the file is missing, damaged, has a document type, or lacks a size, a class or a corner.
    """
    try:
        parser = ElementTree.XMLParser(target=_PlainBuilder())  # noqa: S314 (document types are refused above)
        root = ElementTree.parse(path, parser).getroot()  # noqa: S314
    except FileNotFoundError:
        raise UserError(f"{path}: no such annotation file, but its split lists {stem!r}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot read this annotation file ({error.strerror})") from None
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise UserError(f"{path}: not valid XML ({error}); the file is damaged or cut off, restore it") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    objects = root.findall("object")
    return Picture(
        source=path,
        file_name=_file_name(path, root, stem),
        width=_size(path, root, "width"),
        height=_size(path, root, "height"),
        names=tuple(_text(path, item, "name") for item in objects),
        corners=tuple(_corners(path, item) for item in objects),
        difficult=tuple((item.findtext("difficult") or "0").strip() in ("1", "true", "True") for item in objects),
    )


def _file_name(path: Path, root: ElementTree.Element, stem: str) -> str:
    """VOC's own rule is JPEGImages/<name in the list>.jpg; of `filename` only another extension counts."""
    given = inside((root.findtext("filename") or "").strip() or f"{stem}.jpg", str(path))
    return stem + (PurePosixPath(given).suffix or ".jpg")


def _text(path: Path, element: ElementTree.Element, key: str) -> str:
    text = (element.findtext(key) or "").strip()
    if not text:
        raise UserError(f"{path}: <{element.tag}> has no <{key}>; add it")
    return text


def _number(path: Path, element: ElementTree.Element, key: str) -> float:
    text = _text(path, element, key)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"{path}: <{key}> is {text!r}, not a finite number")
    return value


def _size(path: Path, root: ElementTree.Element, key: str) -> int:
    value = _number(path, root, f"size/{key}")
    if value < 1 or value != int(value):
        raise UserError(f"{path}: <size> gives {key} {value:g}; it must be the image's {key} in pixels")
    return int(value)


def _corners(path: Path, item: ElementTree.Element) -> tuple[float, ...]:
    return tuple(_number(path, item, f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax"))
