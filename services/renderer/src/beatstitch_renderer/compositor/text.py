"""Text as a mask: how much of each pixel letters cover. Drawn once, for as many frames as need it.

Font: Noto Sans (SIL Open Font License 1.1): Latin, Greek, Cyrillic, Devanagari; what it lacks is an
empty box. Shaped and drawn by HarfBuzz alone. Pillow's own text looks the same only where the
machine has a library of the system's, FriBidi, and every machine has to draw the same letters.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import uharfbuzz as hb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from beatstitch.v1.edl_pb2 import TextCard

    Bytes = NDArray[np.uint8]

_PACKAGE, _FILE = "fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf"
_AXES = {"wght": 600.0, "wdth": 100.0}
_UNIT = 65_536
# The longest line and the highest block, in percent of the frame.
_MOST_PERCENT = 90
# Letters are drawn at least this high, in pixels, and shrunk from there: small ones are dots.
_LEAST_DRAWN = 12.0
_JOINERS = frozenset("\u200c\u200d")
# Shaped word by word: each is of one script, and HarfBuzz finds out which.
_WORDS = re.compile(" *[^ ]+")


@dataclass(frozen=True, slots=True)
class Lettering:
    """Letters in the frame.

    Attributes:
        x: Column of the mask's first pixel; even.
        y: Line of the mask's first pixel; even.
        mask: How much is covered, 0 to 255; even sizes, inside the frame.
    """

    x: int
    y: int
    mask: Bytes


def text_build() -> str:
    """Names all that decides what letters look like."""
    return f"font noto-sans {version('fontpkg-noto-sans')} harfbuzz {hb.version_string()}"


def lettering(card: TextCard, frame: tuple[int, int]) -> Lettering | None:
    """A card's text as it lies in a frame of a width and height; None where nothing is to be seen.

    Text that is wider or higher than 90 % of the frame is made smaller; a block that would stand
    over the frame's edge is moved inside.
    """
    lines = [_shaped(line) for line in drawable(card.text)]
    size = _fitting(lines, card.line_height * frame[1] / _UNIT, frame)
    drawn = max(size, _LEAST_DRAWN)
    mask = _drawn(lines, drawn)
    if mask is None:
        return None
    if size < drawn:
        shrunk = (
            max(1, round(mask.shape[1] * size / drawn)),
            max(1, round(mask.shape[0] * size / drawn)),
        )
        mask = np.asarray(cv2.resize(mask, shrunk, interpolation=cv2.INTER_AREA), np.uint8)
    mask = mask[: frame[1], : frame[0]]
    tall, wide = mask.shape
    left = _inside(card.centre.x * frame[0] / _UNIT, wide, frame[0])
    top = _inside(card.centre.y * frame[1] / _UNIT, tall, frame[1])
    return evened(left, top, mask)


def drawable(text: str) -> list[str]:
    """The lines, without what is no letter: controls, marks of direction, unassigned characters."""
    return ["".join(map(_letter, line)).strip() for line in text.split("\n")]


def _letter(character: str) -> str:
    kind = unicodedata.category(character)
    if kind.startswith("C"):
        return " " if character == "\t" else character if character in _JOINERS else ""
    return " " if kind.startswith("Z") else character


def evened(x: int, y: int, mask: Bytes) -> Lettering:
    """A mask anywhere in a frame of even size, with clear pixels around it up to even places."""
    left, top = x % 2, y % 2
    right, bottom = (left + mask.shape[1]) % 2, (top + mask.shape[0]) % 2
    padded = np.pad(mask, ((top, bottom), (left, right)))
    return Lettering(x - left, y - top, padded)


def _inside(centre: float, length: int, frame: int) -> int:
    return min(max(round(centre - length / 2), 0), frame - length)


def _fitting(lines: Sequence[_Line], line_height: float, frame: tuple[int, int]) -> float:
    """The height of a line in pixels at which all fits: measured, never drawn."""
    widest = max((line.width for line in lines), default=0.0)
    most_wide, most_tall = (side * _MOST_PERCENT / 100 for side in frame)
    fits = min(line_height, most_tall / len(lines))
    return min(fits, most_wide / widest) if widest > 0 else fits


def _drawn(lines: Sequence[_Line], line_height: float) -> Bytes | None:
    """The lines, each in the middle, cut to what is covered; None where that is nothing."""
    font = _font()
    # Marks above and below letters, and italics, reach out of their line.
    edge = int(line_height) + 1
    wide = int(max(line.width for line in lines) * line_height) + 2 * edge
    tall = int(line_height * len(lines)) + 2 * edge
    pen = hb.RasterDraw()
    pen.extents = hb.RasterExtents(0, 0, wide, tall, wide)
    scale = line_height / font.units
    for i, line in enumerate(lines):
        left = round((wide - line.width * line_height) / 2)
        base = edge + round(i * line_height + font.ascender * scale)
        for glyph in line.glyphs:
            # A font's y goes up, so the picture is drawn upside down and turned.
            x, y = left + glyph.x * scale, tall - base + glyph.y * scale
            pen.transform = (scale, 0.0, 0.0, scale, x, y)
            pen.draw_glyph(font.font, glyph.number)
    drawn = pen.render()
    stride = drawn.extents.stride
    canvas = np.frombuffer(drawn.buffer, np.uint8).reshape(tall, stride)[::-1, :wide]
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(canvas))
    if not width:
        return None
    return np.ascontiguousarray(canvas[top : top + height, left : left + width])


class _Glyph(NamedTuple):
    """A letter's drawing and its place on the base line, y upwards, in the font's units."""

    number: int
    x: int
    y: int


class _Line(NamedTuple):
    """A line's letters and its width as a multiple of the height of a line."""

    glyphs: list[_Glyph]
    width: float


class _Font(NamedTuple):
    """The font; a line is `units` of its units high, `ascender` of them above the base line."""

    font: hb.Font
    units: int
    ascender: int


def _shaped(line: str) -> _Line:
    font = _font()
    glyphs, pen = [], 0
    for word in _WORDS.findall(line):
        buffer = hb.Buffer()
        buffer.add_str(word)
        buffer.guess_segment_properties()
        hb.shape(font.font, buffer)
        for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            glyphs.append(_Glyph(info.codepoint, pen + place.x_offset, place.y_offset))
            pen += place.x_advance
    return _Line(glyphs, pen / font.units)


@functools.cache
def _font() -> _Font:
    with as_file(files(_PACKAGE).joinpath(_FILE)) as path:
        font = hb.Font(hb.Face(hb.Blob.from_file_path(path)))
    font.set_variations(_AXES)
    extents = font.get_font_extents("ltr")
    return _Font(font, extents.ascender - extents.descender, extents.ascender)
