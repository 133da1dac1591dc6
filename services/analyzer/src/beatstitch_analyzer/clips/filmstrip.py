"""Frames of a clip side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FRAMES = 10
FRAME_WIDTH = 160
_HIGHEST = 640
_QUALITY = 80


def frame_count(frames: int) -> int:
    """How many frames the filmstrip of a clip with so many has."""
    return min(FRAMES, max(frames, 1))


def times_us(duration_us: int, count: int) -> list[int]:
    """When its frames are shown: in the middle of equal parts of the clip."""
    return [duration_us * (2 * index + 1) // (2 * count) for index in range(count)]


def write_filmstrip(pictures: list[NDArray[np.uint8]], aspect: float, out: Path) -> None:
    """Writes the JPEG.

    Args:
        pictures: Packed RGB of equal size, at least one.
        aspect: Width to height as shown.
        out: The file.
    """
    height = min(max(round(FRAME_WIDTH / aspect), 1), _HIGHEST)
    strip = Image.new("RGB", (FRAME_WIDTH * len(pictures), height))
    for index, rgb in enumerate(pictures):
        small = Image.fromarray(rgb).resize((FRAME_WIDTH, height), Image.Resampling.LANCZOS)
        strip.paste(small, (index * FRAME_WIDTH, 0))
    strip.save(out, "JPEG", quality=_QUALITY)
