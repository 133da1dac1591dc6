"""Cuts frames into overlapping windows of equal length and joins the results.

The networks remember some seconds, not minutes: with a margin on both sides the joined activations
equal those of the whole song, while memory stays flat and all windows run as one batch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from beatstitch_analyzer.beats.model import FPS, Floats

CORE = 60 * FPS
MARGIN = 10 * FPS
_LENGTH = CORE + 2 * MARGIN


def split_windows(frames: Floats, at_once: int) -> Iterator[Floats]:
    """(n, width) → batches of up to `at_once` windows, each (windows, length, width).

    A short song is one window of its own length.
    """
    starts, length = _starts(len(frames)), min(_LENGTH, len(frames))
    for first in range(0, len(starts), at_once):
        yield np.stack([frames[s : s + length] for s in starts[first : first + at_once]])


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
    if count <= _LENGTH:
        return [0]
    return [*range(0, count - _LENGTH, CORE), count - _LENGTH]
