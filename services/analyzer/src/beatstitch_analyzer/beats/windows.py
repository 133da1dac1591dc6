"""Cuts frames into overlapping windows of equal length and joins the results.

The networks remember some seconds, not minutes: with a margin on both sides the joined activations
nearly equal those of the whole song, while memory stays flat and several windows run as one batch.
Windows of at most 50 s are the fastest: shorter ones repeat more, longer ones batch less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from beatstitch_analyzer.beats.model import FPS, Floats

CORE = 34 * FPS
MARGIN = 8 * FPS


def split_windows(count: int, read: Callable[[int, int], Floats], at_once: int) -> Iterator[Floats]:
    """Batches of up to `at_once` windows, each (windows, length, width).

    A short song is one window of its own length.

    Args:
        count: Frames of the song.
        read: Gives the frames [begin, end), (end − begin, width); asked for a batch at a time.
        at_once: Most windows in a batch.
    """
    starts, length = _plan(count)
    for first in range(0, len(starts), at_once):
        batch = starts[first : first + at_once]
        frames = read(batch[0], batch[-1] + length)
        yield np.stack([frames[s - batch[0] : s - batch[0] + length] for s in batch])


def join_windows(windows: Floats, count: int) -> Floats:
    """(windows, length, width) → (count, width); frames from the window around them."""
    starts, _ = _plan(count)
    out = np.empty((count, windows.shape[2]), windows.dtype)
    edges = [0, *(start + MARGIN for start in starts[1:]), count]
    for window, start, first, last in zip(windows, starts, edges, edges[1:], strict=False):
        out[first:last] = window[first - start : last - start]
    return out


def _plan(count: int) -> tuple[list[int], int]:
    """First frames of the windows, and their length: as few as will do, evenly spread."""
    if count <= CORE + 2 * MARGIN:
        return [0], count
    many = -(-(count - 2 * MARGIN) // CORE)
    core = -(-(count - 2 * MARGIN) // many)
    length = core + 2 * MARGIN
    return [*range(0, core * (many - 1), core), count - length], length
