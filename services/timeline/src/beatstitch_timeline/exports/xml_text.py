"""XML as text. The standard library escapes; names were cleaned of what XML can't hold before."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def add(parent: Element, tag: str, text: str | int | None = None, **attributes: str) -> Element:
    """A new child with a text or attributes."""
    child = ET.SubElement(parent, tag, attributes)
    if text is not None:
        child.text = str(text)
    return child


def document(root: Element, doctype: str) -> bytes:
    """The whole document, indented, UTF-8."""
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE {doctype}>\n{body}\n'.encode()


def element(tag: str, **attributes: str) -> Element:
    """A new element without a parent."""
    return ET.Element(tag, attributes)
