"""Text as a mask: how much of each pixel letters cover. Drawn once, for as many frames as need it.

Font: Noto Sans (SIL Open Font License 1.1): Latin, Greek, Cyrillic, Devanagari; what it lacks is an
empty box. Shaping and writing direction by Raqm, HarfBuzz and FriBidi, which Pillow's wheels carry.
"""

from __future__ import annotations

import functools
import unicodedata
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from beatstitch.v1.edl_pb2 import TextCard

    Bytes = NDArray[np.uint8]

_PACKAGE, _FILE = "fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf"
_WEIGHT, _WIDTH = 600, 100
_UNIT = 65_536
# The longest line and the highest block, in percent of the frame.
_MOST_PERCENT = 90
# Letters are drawn at least this high, in pixels, and shrunk from there: small ones are dots.
_LEAST_DRAWN = 12.0
# Text that is measured at this size tells its size at any other, nearly.
_MEASURED = 64.0
_JOINERS = frozenset("\u200c\u200d")


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
    parts = (f"{name} {features.version(name)}" for name in ("raqm", "harfbuzz", "freetype2"))
    return f"font noto-sans {version('fontpkg-noto-sans')} {' '.join(parts)}"


def lettering(card: TextCard, frame: tuple[int, int]) -> Lettering | None:
    """A card's text as it lies in a frame of a width and height; None where nothing is to be seen.

    Text that is wider or higher than 90 % of the frame is made smaller; a block that would stand
    over the frame's edge is moved inside.
    """
    lines = drawable(card.text)
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


def _fitting(lines: Sequence[str], line_height: float, frame: tuple[int, int]) -> float:
    """The height of a line in pixels at which all fits: measured, never drawn."""
    font = _font(_MEASURED)
    widest = max((font.getlength(line) for line in lines), default=0.0) / _MEASURED
    most_wide, most_tall = (side * _MOST_PERCENT / 100 for side in frame)
    fits = min(line_height, most_tall / len(lines))
    return min(fits, most_wide / widest) if widest > 0 else fits


def _drawn(lines: Sequence[str], line_height: float) -> Bytes | None:
    """The lines, each in the middle, cut to what is covered; None where that is nothing."""
    font = _font(line_height)
    ascent, _ = font.getmetrics()
    widths = [font.getlength(line) for line in lines]
    # Marks above and below letters, and italics, reach out of their line.
    edge = int(line_height) + 1
    wide = int(max(widths)) + 2 * edge
    tall = int(line_height * len(lines)) + 2 * edge
    canvas = Image.new("L", (wide, tall), 0)
    pen = ImageDraw.Draw(canvas)
    for i, (line, width) in enumerate(zip(lines, widths, strict=True)):
        at = (round((wide - width) / 2), edge + round(i * line_height) + ascent)
        if line:
            pen.text(at, line, fill=255, font=font, anchor="ls")
    box = canvas.getbbox()
    return None if box is None else np.asarray(canvas.crop(box), np.uint8)


@functools.lru_cache(maxsize=8)
def _font(line_height: float) -> ImageFont.FreeTypeFont:
    """The font in the size in which a line is so many pixels high."""
    with as_file(files(_PACKAGE).joinpath(_FILE)) as path:
        font = ImageFont.truetype(path, _MEASURED, layout_engine=ImageFont.Layout.RAQM)
        ascent, descent = font.getmetrics()
        size = line_height * _MEASURED / (ascent + descent)
        font = ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.RAQM)
    font.set_variation_by_axes([_WEIGHT, _WIDTH])
    return font
