"""Cuts frames into overlapping windows of equal length and joins the results.

The networks remember some seconds, not minutes: with a margin on both sides the joined activations
nearly equal those of the whole song, while memory stays flat and several windows run as one batch.
Windows of 40 to 50 s are the fastest: shorter ones repeat more, longer ones batch less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from beatstitch_analyzer.beats.model import FPS, Floats

CORE = 34 * FPS
MARGIN = 8 * FPS
_LENGTH = CORE + 2 * MARGIN


def split_windows(count: int, read: Callable[[int, int], Floats], at_once: int) -> Iterator[Floats]:
    """Batches of up to `at_once` windows, each (windows, length, width).

    A short song is one window of its own length.

    Args:
        count: Frames of the song.
        read: Gives the frames [begin, end), (end − begin, width); asked for a batch at a time.
        at_once: Most windows in a batch.
    """
    starts, length = _starts(count), min(_LENGTH, count)
    for first in range(0, len(starts), at_once):
        batch = starts[first : first + at_once]
        frames = read(batch[0], batch[-1] + length)
        yield np.stack([frames[s - batch[0] : s - batch[0] + length] for s in batch])


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
