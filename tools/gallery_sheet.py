"""A contact sheet of rows: a title each, frames beside one another, a line under each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

PAPER, INK, FAINT = (22, 24, 30), (236, 238, 242), (150, 156, 168)
GAP, LINE, WIDE = 8, 20, 1_280
QUALITY = 82


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        title: Above it.
        frames: Packed RGB and the line under each.
    """

    title: str
    frames: list[tuple[NDArray[np.uint8], str]]


def draw_sheet(path: Path, title: str, rows: Sequence[Row]) -> Path:
    """Draws rows of equally many frames under a heading into a JPEG."""
    columns = max(len(row.frames) for row in rows)
    width = (WIDE - GAP) // columns - GAP
    first = rows[0].frames[0][0]
    height = round(width * first.shape[0] / first.shape[1])
    step = LINE + height + LINE + GAP
    sheet = Image.new("RGB", (WIDE, 3 * GAP + 28 + len(rows) * step), PAPER)
    pen = ImageDraw.Draw(sheet)
    font, heading = ImageFont.load_default(13), ImageFont.load_default(22)
    pen.text((GAP, GAP), title, fill=INK, font=heading)
    for at, row in enumerate(rows):
        top = 2 * GAP + 28 + at * step
        pen.text((GAP, top), row.title, fill=INK, font=font)
        for place, (rgb, caption) in enumerate(row.frames):
            left = GAP + place * (width + GAP)
            small = Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS)
            sheet.paste(small, (left, top + LINE))
            pen.text((left, top + LINE + height + 2), caption, fill=FAINT, font=font)
    sheet.save(path, quality=QUALITY, optimize=True)
    return path
