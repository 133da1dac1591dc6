"""Cuts frames into overlapping windows of equal length and joins the results.

The networks remember some seconds, not minutes: with a margin on both sides the joined activations
equal those of the whole song, while memory stays flat and all windows run as one batch.
"""

from __future__ import annotations

import numpy as np

from beatstitch_analyzer.beats.model import FPS, Floats

CORE = 60 * FPS
MARGIN = 10 * FPS
_LENGTH = CORE + 2 * MARGIN


def split_windows(frames: Floats) -> Floats:
    """(n, width) → (windows, length, width); a short song is one window of its own length."""
    count = len(frames)
    if count <= _LENGTH:
        return frames[None]
    starts = _starts(count)
    return np.stack([frames[start : start + _LENGTH] for start in starts])


def join_windows(windows: Floats, count: int) -> Floats:
    """(windows, length, width) → (count, width); frames from the window around them."""
    if count <= _LENGTH:
        only: Floats = windows[0]
        return only
    out = np.empty((count, windows.shape[2]), windows.dtype)
    starts = _starts(count)
    for index, start in enumerate(starts):
        first = 0 if index == 0 else index * CORE + MARGIN
        last = count if index == len(starts) - 1 else (index + 1) * CORE + MARGIN
        out[first:last] = windows[index, first - start : last - start]
    return out


def _starts(count: int) -> list[int]:
    """First frames of the windows; the last window ends with the song."""
    starts = list(range(0, count - _LENGTH, CORE))
    return [*starts, count - _LENGTH]
